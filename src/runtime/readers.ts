import { defined } from '../core/defined.ts';
import type { Digests } from '../digest/index.ts';
import type { ChannelReader, EntryAccess, SkillAccess } from '../hooks/views.ts';
import { parseChannelPath } from '../model/paths.ts';
import type { Store } from '../model/ports/store.ts';
import type { Entry } from '../model/records.ts';
import type { MaskedChannels, Redaction } from '../redact/index.ts';
import type { Guides } from './guides/guides.ts';

/** Bytes of one read at most. */
export const MAX_READ_BYTES = 1024 * 1024;

/** What reading for the model needs. */
export interface ReaderParts {
  readonly store: Store;
  readonly masked: MaskedChannels;
  readonly redaction: Redaction;
  readonly streams: { readonly digests: Digests };
}

/** A reader of one channel entry, without its secrets; `upTo` bounds it to that many bytes. */
export function channelReader(
  { masked: channels, streams }: Pick<ReaderParts, 'masked' | 'streams'>,
  entry: Entry,
  upTo?: number,
): ChannelReader {
  const head = channels.head(entry.id);
  const bytes = Math.min(head.bytes, upTo ?? head.bytes);
  const channel = parseChannelPath(entry.path)?.channel ?? 0;
  const { name } = entry.attributes;
  const own = typeof name === 'string' ? name : undefined;
  return {
    path: entry.path,
    channel,
    ...defined({ name: own }),
    bytes,
    lines: bytes === head.bytes ? head.lines : channels.linesBefore(entry.id, bytes),
    status: entry.status,
    read: (from, maxBytes) => {
      const length = Math.min(maxBytes, MAX_READ_BYTES, bytes - from);
      return length > 0 ? channels.read(entry.id, from, length) : Buffer.alloc(0);
    },
    linesBefore: (offset) => channels.linesBefore(entry.id, Math.min(offset, bytes)),
    offsetOfLine: (line) => Math.min(bytes, channels.offsetOfLine(entry.id, line)),
    digest: async (maxBytes, patienceMs) => {
      const name = own ?? channelName(channel);
      const made = await streams.digests.digest({ entryId: entry.id, path: entry.path, name, bytes }, maxBytes, patienceMs);
      return { ...made, text: channels.text(entry.id, made.text) };
    },
  };
}

/** True for an entry whose bytes are segments. */
export function isChannel(entry: Entry): boolean {
  return entry.category === 'data' && typeof entry.attributes['producer'] === 'string' && parseChannelPath(entry.path) !== undefined;
}

/** Read access of a tool to one run: as the model may see it, so without secrets in output and in records of actions (SPEC {#redaction}). */
export function entryAccess(parts: ReaderParts, runId: number): EntryAccess {
  const { store, redaction } = parts;
  const shown = (entry: Entry): Entry => (entry.scheme === 'log' ? redaction.value(entry) : entry);
  return {
    get: (path) => {
      const entry = store.entries.get(runId, path);
      return entry && shown(entry);
    },
    list: (prefix) => store.entries.list({ runId, prefix }).map(shown),
    channel: (path) => {
      const entry = store.entries.get(runId, path);
      return entry && isChannel(entry) ? channelReader(parts, entry) : undefined;
    },
  };
}

/** Skills as a project sees them. */
export function skillAccess(guides: Guides, projectRoot: string): SkillAccess {
  return {
    list: () => guides.list('skills', projectRoot),
    read: (name) => guides.read('skills', projectRoot, name),
    readFile: (skill, file) => guides.readFile(projectRoot, skill, file),
  };
}

function channelName(channel: number): string {
  if (channel === 1) return 'stdout';
  return channel === 2 ? 'stderr' : `channel ${channel}`;
}
