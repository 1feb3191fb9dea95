import type { ChannelReader, EntryAccess } from '../hooks/views.ts';
import { parseChannelPath } from '../model/paths.ts';
import type { ChannelStore, Store } from '../model/ports/store.ts';
import type { Entry } from '../model/records.ts';

const MAX_READ_BYTES = 1024 * 1024;

/** A reader of one channel entry; `upTo` bounds it to that many bytes. */
export function channelReader(channels: ChannelStore, entry: Entry, upTo?: number): ChannelReader {
  const head = channels.head(entry.id);
  const bytes = Math.min(head.bytes, upTo ?? head.bytes);
  return {
    path: entry.path,
    channel: parseChannelPath(entry.path)?.channel ?? 0,
    bytes,
    lines: bytes === head.bytes ? head.lines : channels.linesBefore(entry.id, bytes),
    status: entry.status,
    read: (from, maxBytes) => {
      const length = Math.min(maxBytes, MAX_READ_BYTES, bytes - from);
      return length > 0 ? channels.read(entry.id, from, length) : Buffer.alloc(0);
    },
    linesBefore: (offset) => channels.linesBefore(entry.id, Math.min(offset, bytes)),
    offsetOfLine: (line) => Math.min(bytes, channels.offsetOfLine(entry.id, line)),
  };
}

/** True for an entry whose bytes are segments. */
export function isChannel(entry: Entry): boolean {
  return entry.category === 'data' && typeof entry.attributes['producer'] === 'string' && parseChannelPath(entry.path) !== undefined;
}

/** Read access of a tool to one run. */
export function entryAccess(store: Store, runId: number): EntryAccess {
  return {
    get: (path) => store.entries.get(runId, path),
    list: (prefix) => store.entries.list({ runId, prefix }),
    channel: (path) => {
      const entry = store.entries.get(runId, path);
      return entry && isChannel(entry) ? channelReader(store.channels, entry) : undefined;
    },
  };
}
