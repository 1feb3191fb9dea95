import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { type Engine, isRefusal } from '../engine/engine.ts';

/** What an image has for the shim: a shell, `setsid` for a session of its own, and util-linux `script` for a terminal. */
export interface ImageTraits {
  readonly shell: boolean;
  readonly setsid: boolean;
  readonly script: boolean;
}

/** What the engine says of a path in a container. */
interface PathStat {
  readonly linkTarget?: string;
}

const known = new WeakMap<Engine, Map<string, Promise<ImageTraits>>>();

/** What an image has, found out once by looking into a container of it that is never started, and removed. */
export async function imageTraits(engine: Engine, imageId: string, labels: Record<string, string>): Promise<ImageTraits> {
  const images = known.get(engine) ?? new Map<string, Promise<ImageTraits>>();
  known.set(engine, images);
  const traits = images.get(imageId) ?? look(engine, imageId, labels);
  images.set(imageId, traits);
  try {
    return await traits;
  } catch (error) {
    images.delete(imageId);
    throw error;
  }
}

/** What is at a path in a container, also in one that is not running; undefined for nothing. */
export async function pathStat(engine: Engine, container: string, path: string): Promise<PathStat | undefined> {
  try {
    const answer = (await engine.call((docker) => docker.getContainer(container).infoArchive({ path }))) as IncomingMessage;
    answer.resume();
    const header = answer.headers['x-docker-container-path-stat'];
    return typeof header === 'string' ? (JSON.parse(Buffer.from(header, 'base64').toString()) as PathStat) : {};
  } catch (error) {
    if (isRefusal(error, 404)) return undefined;
    throw error;
  }
}

/** Whether a `script` is that of util-linux: the applet of busybox knows neither -e nor -E. */
export function isUtilLinux(stat: PathStat | undefined): boolean {
  return stat !== undefined && !stat.linkTarget?.endsWith('busybox');
}

async function look(engine: Engine, imageId: string, labels: Record<string, string>): Promise<ImageTraits> {
  const probe = await engine.call((docker) =>
    docker.createContainer({
      name: `headgate-look-${randomUUID()}`,
      Image: imageId,
      Labels: labels,
      Entrypoint: ['-'],
      Cmd: [],
      HostConfig: { NetworkMode: 'none' },
    }),
  );
  try {
    const [shell, ...found] = await Promise.all(
      ['/bin/sh', '/usr/bin/setsid', '/bin/setsid', '/usr/bin/script', '/bin/script'].map((path) => pathStat(engine, probe.id, path)),
    );
    const [setsid, binSetsid, ...scripts] = found;
    const script = scripts.some(isUtilLinux);
    return { shell: shell !== undefined, setsid: (setsid ?? binSetsid) !== undefined, script };
  } finally {
    await engine.call(() => probe.remove({ force: true, v: true }));
  }
}
