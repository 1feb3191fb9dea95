import type { Logger } from '../core/logger.ts';
import type { Project } from '../model/records.ts';

/** How a producer of a plugin ended; all of it may be left out. */
export interface ProducerResult {
  /** 0, or left out: the producer ends at 200. Any other number: it ends at 500. */
  readonly exitCode?: number;
  /** A short word for programs, such as `http:404`. Default: `exit:N` for an exit code other than 0. */
  readonly outcome?: string;
  /** What the log entry says beside command, duration and sizes. */
  readonly body?: string;
}

/** What a running producer of a plugin is handed (SPEC {#plugin_producers}). */
export interface ProducerIo {
  /**
   * Appends to a channel and resolves once the bytes are stored; await every call, which is the back-pressure. Waits while the disk is
   * full. Rejects for a channel that the proposal does not have, after the end or a cancel, and when 16 MiB wait already.
   */
  write(channel: number, data: Uint8Array | string): Promise<void>;
  /** Reads back what this producer has written: `maxBytes` at most from byte `from` on, and 1 MiB at most. */
  read(channel: number, from: number, maxBytes: number): Buffer;
  /** Bytes that each channel had when `start` was called: 0 at the first start, more when the producer is started again after a restart. */
  readonly offsets: Readonly<Record<number, number>>;
  /** True when an earlier server had started it already. */
  readonly resumed: boolean;
  /** Aborted by a cancel, a limit or the server's stop; 2 s later (or after the grace period of the cancel) the server no longer waits for `start`. */
  readonly signal: AbortSignal;
  /** What people type with `stream/input`, until they end it; nothing for a kind without `input`. */
  readonly input: AsyncIterable<Buffer>;
  /** The project: `id`, `name`, `root`, `configPath`. */
  readonly project: Project;
  /** True for a file that a constraint hides from models; `path` is relative to the project's root (SPEC {#file_constraints}). */
  hidden(path: string): boolean;
  /** Alias of the run. */
  readonly run: string;
  /** Path of the log entry. */
  readonly path: string;
  /** The server's log. */
  readonly logger: Logger;
}

/**
 * A kind of producer that runs in the server's process (SPEC {#plugin_producers}).
 *
 * @example
 * ```js
 * export default {
 *   name: 'sites',
 *   setup({ producer }) {
 *     producer({
 *       kind: 'site',
 *       channels: { 1: 'page' },
 *       network: true,
 *       async start({ url }, { write, signal }) {
 *         const response = await fetch(url, { signal });
 *         for await (const piece of response.body ?? []) await write(1, piece);
 *         return { exitCode: response.ok ? 0 : 1, outcome: `http:${response.status}` };
 *       },
 *     });
 *   },
 * };
 * ```
 */
export interface ProducerDefinition {
  /** a-z, 0-9 and _: the `backend` of its producers. */
  readonly kind: string;
  /** Channel number to its name. Default `{1: 'output', 2: 'notes'}`. */
  readonly channels?: Readonly<Record<number, string>>;
  /** True: after a restart of the server `start` is called again, with `offsets`. Default: the producer then ends at 500 `lost`. */
  readonly resumable?: boolean;
  /** True: people can type into it. */
  readonly input?: boolean;
  /** True: the producer uses the network. A server whose sandbox has no network refuses to start it. */
  readonly network?: boolean;
  /** Runs the producer. A throw ends the producer at 500 with the message, or after an abort with the reason of the abort. */
  start(input: Readonly<Record<string, unknown>>, io: ProducerIo): ProducerResult | undefined | Promise<ProducerResult | undefined>;
}

/** What acceptance of a tool's proposal starts in the server, by the plugin that has the kind. */
export interface ProposedServerProducer {
  /** The kind. */
  readonly backend: string;
  readonly runner: 'server';
  /** Default: all that the kind names. */
  readonly channels?: readonly number[];
  readonly spec: {
    /** Handed to `start`; JSON, 1 MiB at most. */
    readonly input: Readonly<Record<string, unknown>>;
    /** What lists show as its command. Default: the proposal's summary. */
    readonly command?: string;
    /** It is ended after so many milliseconds. */
    readonly timeoutMs?: number;
  };
}
