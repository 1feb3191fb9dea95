import type { Clock } from '../../core/clock.ts';
import { HeadgateError, messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { ContainerPlace } from '../../model/place.ts';
import type { BackendHandle, OutputSink, StartRequest } from '../../model/ports/backend.ts';
import { type Engine, isRefusal } from './engine/engine.ts';
import { StreamHandle } from './stream-handle.ts';

/** Log drivers whose log the engine cannot read. */
const UNREADABLE = new Set(['none', 'syslog', 'gelf', 'fluentd', 'awslogs', 'splunk', 'etwlogs', 'gcplogs', 'logentries']);

/**
 * Watches a container that is not ours: its log from the first byte, or what it writes from now on. Nothing is done to
 * it. `again`: it was watched before, so one that is gone meanwhile ends the watch instead of refusing it.
 */
export async function watchContainer(options: {
  engine: Engine;
  place: ContainerPlace;
  request: StartRequest;
  sink: OutputSink;
  offsets: ReadonlyMap<number, number>;
  again: boolean;
  /** The container's id as the reference of the watch before has it. */
  known?: unknown;
  clock: Clock;
  logger: Logger;
}): Promise<BackendHandle> {
  const { engine, place, request, again } = options;
  const { container: name = '' } = place;
  const source = place.watch ?? 'logs';
  const { producerId, spec } = request;
  const known = typeof options.known === 'string' ? options.known : name;
  const info = await inspect(engine, known);
  if (!info && !again) throw noContainer(name);
  const tty = info?.Config.Tty ?? false;
  const driver = info?.HostConfig.LogConfig?.Type ?? '';
  if (source === 'logs' && UNREADABLE.has(driver) && !again) {
    throw new HeadgateError('unsupported', `the log of ${name} cannot be read: its log driver is ${driver}; use watch: "attach"`, {
      outcome: 'log_unreadable',
    });
  }
  if (source === 'attach' && spec.stdin && info?.Config.OpenStdin === false && !again) {
    throw new HeadgateError('unsupported', `${name} was made without standard input (docker run -i); leave stdin out`, {
      outcome: 'no_stdin',
    });
  }
  return new StreamHandle({
    ...options,
    // By its id: another one may take its name.
    container: { id: info?.Id ?? known, name, tty },
    own: false,
    source,
    stdin: source === 'attach' && spec.stdin,
    ref: { producerId, container: info?.Id ?? known },
    remove: () => Promise.resolve(),
  });
}

async function inspect(engine: Engine, name: string) {
  try {
    return await engine.call((docker) => docker.getContainer(name).inspect());
  } catch (error) {
    if (isRefusal(error, 404)) return undefined;
    throw error;
  }
}

/** What is said of a container that is not there. */
export function noContainer(name: string, cause?: unknown): HeadgateError {
  const why = cause === undefined ? '' : ` (${messageOf(cause)})`;
  return new HeadgateError('not_found', `there is no container ${name}${why}; \`docker ps\` lists those that run`, {
    outcome: 'container_missing',
    container: name,
  });
}
