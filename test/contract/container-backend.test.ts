import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { afterAll, beforeAll, describe } from 'vitest';
import { createContainerBackend } from '../../src/backends/container/index.ts';
import { systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import type { ContainerPlace } from '../../src/model/place.ts';
import type { Backend } from '../../src/model/ports/backend.ts';
import { serviceAvailable } from '../support/require.ts';
import { BUSYBOX, type DockerService, startDocker } from '../support/services/dockerd.ts';
import { type BackendSetup, backendContract } from './backend.contract.ts';

describe.skipIf(!serviceAvailable('docker'))('{#backend_container} commands in containers', () => {
  let service: DockerService;

  beforeAll(async () => {
    service = await startDocker();
  });

  afterAll(async () => {
    await service.stop();
  });

  async function removeAll(): Promise<void> {
    for (const { Id } of await service.docker.listContainers({ all: true }))
      await service.docker.getContainer(Id).remove({ force: true, v: true });
  }

  function place(container: Partial<ContainerPlace>, clear: () => Promise<void> = removeAll): BackendSetup {
    const folder = mkdtempSync(join(tmpdir(), 'headgate-container-'));
    const cwd = mkdtempSync(join(service.folder, 'work-'));
    const open = (): Backend =>
      createContainerBackend({
        folder,
        clock: systemClock,
        logger: silentLogger,
        detachedGraceMs: 500,
        env: { DOCKER_HOST: service.host },
      });
    return {
      cwd,
      backend: open(),
      reopen: open,
      spec: { container },
      isRunning: async (pid) => {
        const [latest] = await service.docker.listContainers();
        const { State } = await service.docker.getContainer(latest?.Id ?? '').inspect();
        return isRunningIn(State.Pid, pid);
      },
      dispose: async () => {
        await clear();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  }

  const mounts = () => [{ source: service.folder, target: service.folder }];

  backendContract('container', async () => place({ image: BUSYBOX, network: 'none', mounts: mounts() }));

  describe('that are there', () => {
    let container: Docker.Container;

    beforeAll(async () => {
      container = await service.docker.createContainer({
        Image: BUSYBOX,
        Cmd: ['/bin/sh', '-c', 'trap "exit 0" TERM; while :; do sleep 1 & wait $!; done'],
        HostConfig: { NetworkMode: 'none', Binds: [`${service.folder}:${service.folder}`] },
      });
      await container.start();
    });

    afterAll(removeAll);

    /** Ends what a test has left in it; the first process of a container takes no signal from inside. */
    async function empty(): Promise<void> {
      const exec = await container.exec({ Cmd: ['sh', '-c', 'kill -9 -1'], AttachStdout: true });
      const stream = await exec.start({});
      await once(stream.resume(), 'end');
    }

    backendContract('container', async () => place({ container: container.id }, empty));
  });
});

/** Whether a process runs, by its number in the container whose first process is `root` here. */
function isRunningIn(root: number, pid: number): boolean {
  try {
    const stat = readFileSync(join('/proc', `${root}`, 'root', 'proc', `${pid}`, 'stat'), 'latin1');
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
  } catch {
    return false;
  }
}
