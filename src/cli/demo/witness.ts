import type { Runtime } from '../../rpc/client/index.ts';
import type { NotificationParamsOf } from '../../rpc/protocol/table.ts';
import type { Arrival } from './facts.ts';

/** A command as one client saw it. */
export interface Seen {
  readonly path: string;
  readonly command: string;
  readonly arrivals: Arrival[];
  proposedAt: number | undefined;
  acceptedAt: number | undefined;
  end: { readonly at: number; readonly told: NotificationParamsOf<'stream/ended'> } | undefined;
  cancelled: NotificationParamsOf<'stream/cancelled'> | undefined;
}

/** Notes down what a client is told, with the time it came, so that the demo can judge it afterwards. */
export class Witness {
  readonly #seen = new Map<string, Seen>();

  constructor(session: Runtime) {
    session.on('run/proposal', (proposal) => {
      this.#of(proposal.path, proposal.command ?? '').proposedAt ??= performance.now();
    });
    session.on('run/resolved', (resolved) => {
      if (resolved.action === 'accept') this.#of(resolved.path).acceptedAt ??= performance.now();
    });
    session.on('stream/chunk', (chunk) => {
      const bytes = Buffer.from(chunk.chunk, chunk.encoding);
      this.#of(chunk.path).arrivals.push({ channel: chunk.channel, at: performance.now(), bytes });
    });
    session.on('stream/cancelled', (cancelled) => {
      this.#of(cancelled.path).cancelled ??= cancelled;
    });
    session.on('stream/ended', (told) => {
      this.#of(told.path).end ??= { at: performance.now(), told };
    });
  }

  /** Commands of one tool in the order in which they were proposed. */
  commands(tool: string): Seen[] {
    return [...this.#seen.values()].filter((seen) => toolOf(seen.path) === tool);
  }

  #of(path: string, command = ''): Seen {
    let seen = this.#seen.get(path);
    if (!seen) {
      seen = { path, command, arrivals: [], proposedAt: undefined, acceptedAt: undefined, end: undefined, cancelled: undefined };
      this.#seen.set(path, seen);
    }
    return seen;
  }
}

/** The tool in a log entry's path. */
export function toolOf(path: string): string {
  return /^log:\/\/turn_\d+\/([a-z0-9_]+)\//.exec(path)?.[1] ?? '';
}

/** The bytes of one channel in the order in which they came. */
export function bytesOf(seen: Seen, channel: number): Buffer {
  return Buffer.concat(seen.arrivals.filter((arrival) => arrival.channel === channel).map((arrival) => arrival.bytes));
}
