import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from 'vitest';
import { RemoteProducers } from '../../src/backends/remote/remote-producers.ts';
import type { ShellHost } from '../../src/backends/remote/shell-host.ts';
import { systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { terminal } from '../../src/model/place.ts';
import type { Backend } from '../../src/model/ports/backend.ts';
import { LocalHost, type LocalHostOptions, onlyBusybox } from '../support/local-host.ts';
import { serviceAvailable } from '../support/require.ts';
import { type BackendSetup, backendContract } from './backend.contract.ts';
import { eventually } from './backend-probe.ts';

/** The generic part as a backend, over a host that is at hand. */
function backendOver(host: ShellHost, root: string, name: string): Backend {
  const producers = new RemoteProducers({
    root,
    runner: () => 'test-runner',
    clock: systemClock,
    logger: silentLogger,
    detachedGraceMs: 500,
  });
  return {
    capabilities: () => Promise.resolve({ name, available: true, stdin: true, tty: false, signals: ['SIGTERM'], adopt: true }),
    start: (request, sink) => producers.start(host, request, {}, sink),
    adopt: (request, ref, offsets, sink) => Promise.resolve(producers.adopt(host, request, ref ?? {}, offsets, sink)),
  };
}

interface Place extends BackendSetup {
  readonly root: string;
  readonly host: LocalHost;
}

function place(name: string, options: (root: string) => LocalHostOptions = () => ({})): Place {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'headgate-host-')));
  const cwd = join(root, 'work');
  mkdirSync(cwd);
  const host = new LocalHost(options(root));
  const open = (): Backend => backendOver(host, join(root, 'state'), name);
  return {
    root,
    host,
    cwd,
    backend: open(),
    reopen: open,
    dispose: async () => {
      await host.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

const hasBusybox = serviceAvailable('busybox');

/** Takes the terminal's own doings out, and says when that is done: what is typed before would still be echoed. */
const PLAIN = 'stty -F /dev/tty -echo -onlcr; : > "$HEADGATE_SPOOL/$HEADGATE_PRODUCER/plain"; ';

function terminals(): BackendSetup {
  const { root, backend, reopen, ...rest } = place('shell-host-terminal');
  const plain = (inner: Backend): Backend => ({
    ...inner,
    start: async (request, sink) => {
      const handle = await inner.start(request, sink);
      let ended = false;
      void handle.exited.then(() => {
        ended = true;
      });
      const mark = join(root, 'state/test-runner', request.producerId, 'plain');
      await eventually(() => ended || !request.spec.command.startsWith(PLAIN) || existsSync(mark), 'a plain terminal');
      return handle;
    },
  });
  return {
    ...rest,
    backend: plain(backend),
    reopen: () => plain(reopen()),
    spec: { tty: terminal.parse({}) },
    merged: true,
    prepare: (command) => `${PLAIN}${command}`,
  };
}

describe.skipIf(!serviceAvailable('script'))('in terminals', () => {
  backendContract('shell-host-terminal', async () => terminals(), { terminal: true });
});
backendContract('shell-host', async () => place('shell-host', () => ({ shell: ['dash'] })));
describe.skipIf(!hasBusybox)('with busybox alone', () => {
  backendContract('shell-host-busybox', async () => place('shell-host-busybox', onlyBusybox));
});
