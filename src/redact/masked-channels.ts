import type { ChannelStore, Store } from '../model/ports/store.ts';
import { maskedText } from './mask.ts';
import type { Matcher } from './matcher.ts';
import type { Redaction } from './redaction.ts';
import { maskedRead } from './window.ts';

/** Channels whose matchers are remembered. */
const MAX_KNOWN = 256;

/** What is read of channels beside their segments. */
export type ReadableChannels = Pick<ChannelStore, 'head' | 'read' | 'offsetOfLine' | 'linesBefore'>;

/** The same without secrets. */
export interface MaskedChannels extends ReadableChannels {
  /** A text that was made from a channel's bytes, with its secrets masked. */
  text(entryId: number, text: string): string;
}

/** The channels as those see them who may not see secrets: the same lengths, lines and offsets (SPEC {#redaction}). */
export function maskedChannels(store: Pick<Store, 'channels' | 'entries' | 'producers'>, redaction: Redaction): MaskedChannels {
  const { channels, entries, producers } = store;
  const known = new Map<number, Matcher>();
  let { revision } = redaction;
  const matcherOf = (entryId: number, runId: number, log: unknown): Matcher => {
    if (revision !== redaction.revision) known.clear();
    revision = redaction.revision;
    const found = known.get(entryId);
    if (found) return found;
    const entry = typeof log === 'string' ? entries.get(runId, log) : undefined;
    const matcher = redaction.matcher(entry && producers.get(entry.id)?.spec.env);
    if (known.size >= MAX_KNOWN) known.clear();
    known.set(entryId, matcher);
    return matcher;
  };
  return {
    text: (entryId, text) => {
      const entry = entries.byId(entryId);
      return maskedText(matcherOf(entryId, entry?.runId ?? 0, entry?.attributes['producer']), text);
    },
    head: (entryId) => channels.head(entryId),
    offsetOfLine: (entryId, line) => channels.offsetOfLine(entryId, line),
    linesBefore: (entryId, offset) => channels.linesBefore(entryId, offset),
    read: (entryId, from, maxBytes) => {
      const entry = entries.byId(entryId);
      if (!entry) return channels.read(entryId, from, maxBytes);
      const source = {
        bytes: channels.head(entryId).bytes,
        live: entry.status === 102,
        read: (at: number, max: number) => channels.read(entryId, at, max),
      };
      return maskedRead(matcherOf(entryId, entry.runId, entry.attributes['producer']), source, from, maxBytes);
    },
  };
}
