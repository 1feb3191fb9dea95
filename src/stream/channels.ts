import type { TerminalSize } from '../digest/index.ts';
import { channelPath, logPath, MAX_CHANNEL, parseChannelPath, parseLogPath } from '../model/paths.ts';
import type { Store } from '../model/ports/store.ts';
import type { Entry, Producer } from '../model/records.ts';
import type { WaitingFact } from './input-watch.ts';
import type { ChannelState } from './types.ts';

/** The number in a channel entry's path. */
export function channelNumber(channel: Entry): number {
  return parseChannelPath(channel.path)?.channel ?? 0;
}

/** The channel entries of a log entry, in order of number; none before acceptance. */
export function channelEntries(store: Store, entry: Entry): Entry[] {
  const parts = parseLogPath(entry.path);
  const numbers = entry.attributes['channels'];
  if (!parts || !Array.isArray(numbers)) return [];
  const found: Entry[] = [];
  for (const number of numbers) {
    if (typeof number !== 'number' || number < 1 || number > MAX_CHANNEL) continue;
    const channel = store.entries.get(entry.runId, channelPath(parts, number));
    if (channel) found.push(channel);
  }
  return found;
}

/** The log entry of that path, or the one that has the channel of that path; undefined when there is none. */
export function logEntry(store: Store, runId: number, path: string): Entry | undefined {
  const channel = parseChannelPath(path);
  return store.entries.get(runId, channel ? logPath(channel) : path);
}

/** The producer that fills a channel. */
export function channelProducer(store: Pick<Store, 'entries' | 'producers'>, channelId: number): Producer | undefined {
  const channel = store.entries.byId(channelId);
  const path = channel?.attributes['producer'];
  const entry = channel && typeof path === 'string' ? store.entries.get(channel.runId, path) : undefined;
  return entry && store.producers.get(entry.id);
}

/** What a log entry says of a command that waits for input. */
export function waitingOf(entry: Entry): WaitingFact | undefined {
  const waiting = entry.attributes['waiting'];
  return typeof waiting === 'object' && waiting !== null ? (waiting as WaitingFact) : undefined;
}

/** A channel entry as clients see it. */
export function channelState(channel: Entry): ChannelState {
  return { channel: channelNumber(channel), path: channel.path, bytes: channel.bytes, status: channel.status };
}

/** The terminal that a channel was written to, in the size with which its command began. */
export function terminalOf(store: Store, channelId: number): TerminalSize | undefined {
  const channel = store.entries.byId(channelId);
  const log = channel?.attributes['producer'];
  const entry = channel && typeof log === 'string' ? store.entries.get(channel.runId, log) : undefined;
  return entry ? store.producers.get(entry.id)?.spec.tty : undefined;
}
