import { channelPath, MAX_CHANNEL, parseChannelPath, parseLogPath } from '../model/paths.ts';
import type { Store } from '../model/ports/store.ts';
import type { Entry } from '../model/records.ts';
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

/** A channel entry as clients see it. */
export function channelState(channel: Entry): ChannelState {
  return { channel: channelNumber(channel), path: channel.path, bytes: channel.bytes, status: channel.status };
}
