import { setTimeout as delay } from 'node:timers/promises';
import { defined } from '../core/defined.ts';
import { HeadgateError } from '../core/errors.ts';
import type { CommandAccess, CommandNews, CommandView } from '../hooks/commands.ts';
import type { ShownMark } from '../hooks/views.ts';
import type { KillReceipt, Run } from '../model/records.ts';
import { isLive } from '../model/status.ts';
import { type ProducerView, waitingOf } from '../stream/index.ts';
import { endWords, isModelAction } from './loop/attributes.ts';
import type { RuntimeParts } from './parts.ts';

type Parts = Pick<RuntimeParts, 'streams' | 'clock'>;

/** How long a cancel waits for the end of its kill, and how often it looks (milliseconds). */
const RECEIPT_MS = 10_000;
const RECEIPT_LOOK_MS = 50;

/** What a tool may do with the commands of a run; `signal` ends every waiting (SPEC {#tool_wait}). */
export function commandAccess(parts: Parts, run: Run, signal: AbortSignal): CommandAccess {
  const { streams } = parts;
  const found = (path: string) => streams.view(run.id, path);
  const own = (path: string): ProducerView => {
    const view = found(path);
    if (isModelAction(view.entry)) return view;
    throw new HeadgateError('forbidden', `${path} is a command of a user; ask the user to do this, or leave it`, { path });
  };
  return {
    running: () =>
      streams
        .list({ runId: run.id, state: 'live' })
        .filter(({ producer }) => producer.state !== 'cancelling')
        .map((view) => viewOf(parts, view))
        .reverse(),
    view: (path) => viewOf(parts, found(path)),
    next: async (paths, { timeoutMs, or }) => {
      const ids = paths.map((path) => found(path).entry.id);
      if (ids.length === 0) return undefined;
      // The first wait to end ends the others.
      const over = new AbortController();
      const both = AbortSignal.any([signal, over.signal]);
      const waits = ids.map((id) => streams.waitFor<CommandNews>(id, { timeoutMs, signal: both, or }));
      try {
        const news = await Promise.race(waits);
        return news === 'timeout' ? undefined : news;
      } finally {
        over.abort(new Error('another wait had news first'));
        await Promise.allSettled(waits);
      }
    },
    signal: async (path, name) => {
      own(path);
      await streams.signal(run.id, path, name);
    },
    input: async (path, bytes, eof) => {
      own(path);
      return (await streams.input(run.id, path, bytes, { eof })).bytes;
    },
    cancel: async (path, reason) => {
      own(path);
      streams.cancel(run.id, path, { by: 'model', reason });
      return await receiptOf(parts, run, path, signal);
    },
  };
}

async function receiptOf({ streams, clock }: Parts, run: Run, path: string, signal: AbortSignal): Promise<KillReceipt> {
  const giveUp = clock.monotonic() + RECEIPT_MS;
  for (;;) {
    const { receipt } = streams.receipt(run.id, path);
    if (!receipt) throw new HeadgateError('conflict', `${path} has ended by itself`, { path });
    if (receipt.finishedAt !== null || clock.monotonic() >= giveUp) return receipt;
    await delay(RECEIPT_LOOK_MS, undefined, { signal });
  }
}

function viewOf({ clock }: Parts, { producer, entry, channels, waiting }: ProducerView): CommandView {
  const live = isLive(producer.state) && producer.state !== 'cancelling';
  const prompt = waitingOf(entry)?.prompt;
  const { spec, backend } = producer;
  return {
    path: entry.path,
    command: spec.command,
    own: isModelAction(entry),
    live,
    waiting: live ? waiting : false,
    ...defined({ prompt }),
    terminal: spec.tty !== undefined || backend === 'tmux',
    stdin: spec.stdin,
    ageMs: Math.max(0, clock.now() - (producer.startedAt ?? producer.createdAt)),
    ...(live ? {} : { end: endWords(entry) }),
    shown: (entry.attributes['shown'] as ShownMark | undefined)?.channels ?? {},
    channels: Object.fromEntries(channels.map(({ channel, path }) => [String(channel), path])),
  };
}
