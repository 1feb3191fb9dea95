import { isEnd } from '../core/end-status.ts';
import { endWord, type Runtime } from '../rpc/client/index.ts';
import type { ResultOf } from '../rpc/protocol/table.ts';
import { channelUri } from './uri.ts';

/** A command that was accepted, as the server lists it. */
export type Producer = ResultOf<'stream/list'>[number];

export const COMMAND_STATES = ['proposed', 'running', 'waiting_for_input', 'done', 'failed', 'cancelled', 'rejected'] as const;
export type CommandStatus = (typeof COMMAND_STATES)[number];

/** A command as a client sees it. A type and no interface: it goes out as plain data. */
export type Command = {
  readonly run: string;
  /** Of its log entry. */
  readonly path: string;
  readonly status: CommandStatus;
  readonly exit_code: number | null;
  readonly signal: string | null;
  readonly outcome: string | null;
  readonly channels: { readonly channel: number; readonly path: string; readonly uri: string; readonly bytes: number }[];
};

/** The place of a command: its run, and the path of its log entry. */
export interface CommandRef {
  readonly run: string;
  readonly path: string;
}

/** The producer of a log entry; undefined before it is accepted. */
export async function producerOf(runtime: Runtime, { run, path }: CommandRef): Promise<Producer | undefined> {
  const [producer] = await runtime.look('stream/list', { run, path });
  return producer;
}

/** A command with how it ended, in words, and the last line of its log entry, which says why it was refused or failed to start. */
export type Noted = Command & { readonly word: string; readonly note: string };

/** How a command stands, at one moment. Throws what the server answers. */
export async function commandOf(runtime: Runtime, ref: CommandRef): Promise<Noted> {
  const { run, path } = ref;
  const { entry, producer } = await lookedAt(runtime, ref);
  const waiting = producer?.waiting === true;
  return {
    run,
    path,
    status: statusOf(entry.status, producer !== undefined, waiting),
    exit_code: producer?.exit_code ?? null,
    signal: producer?.signal ?? null,
    outcome: entry.outcome,
    channels: (producer?.channels ?? []).map(({ channel, path: of, bytes }) => ({ channel, path: of, bytes, uri: channelUri(run, of) })),
    word: endWord({ status: entry.status, outcome: entry.outcome, exit_code: producer?.exit_code, signal: producer?.signal }),
    note: entry.body.trim().split('\n').at(-1) ?? '',
  };
}

/**
 * A log entry and its producer. They come from two calls, so the entry is asked for again when the producer shows that the command was
 * accepted, or has ended, in between.
 */
async function lookedAt(runtime: Runtime, ref: CommandRef): Promise<{ entry: ResultOf<'get'>; producer: Producer | undefined }> {
  const look = async () => await runtime.look('get', { run: ref.run, path: ref.path, redact: true });
  const before = await look();
  const producer = await producerOf(runtime, ref);
  if (isEnd(before.status) || !producer || (before.status === 102 && producer.endedAt === null)) return { entry: before, producer };
  const entry = await look();
  return { entry, producer: isEnd(entry.status) ? await producerOf(runtime, ref) : producer };
}

export function isOver({ status }: Command): boolean {
  return status !== 'proposed' && status !== 'running' && status !== 'waiting_for_input';
}

function statusOf(status: number, started: boolean, waiting: boolean): CommandStatus {
  switch (status) {
    case 202:
      return 'proposed';
    case 102:
      return waiting ? 'waiting_for_input' : 'running';
    case 200:
      return 'done';
    case 403:
      return 'rejected';
    case 499:
      return started ? 'cancelled' : 'rejected';
    default:
      return 'failed';
  }
}
