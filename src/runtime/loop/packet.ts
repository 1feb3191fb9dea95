import { isEnd } from '../../core/end-status.ts';
import { slices } from '../../core/slice-turns.ts';
import type { ContextPart } from '../../hooks/table.ts';
import type { ContextMessage, ContextPacket, ContextPiece } from '../../model/context-record.ts';
import type { ModelMessage, ToolSpec } from '../../model/ports/model-provider.ts';
import type { Run } from '../../model/records.ts';
import type { RuntimeParts } from '../parts.ts';
import { isChannel } from '../readers.ts';
import { type ReadQuoted, type Split, split } from './split.ts';
import type { CountTokens } from './tokens.ts';

/** Tokens that a message costs beside its text: its role and its delimiters. */
const MESSAGE_TOKENS = 4;
/** Characters after which the event loop gets its turn: output of commands goes on while a context is taken apart. */
const PAUSE_EVERY = 80_000;

/** A packet, and what it weighs. */
export interface WeighedPacket {
  readonly packet: ContextPacket;
  readonly tokens: number;
}

/** Makes the record of what is about to be sent, and counts it: messages, calls and the tools with their schemas. */
export async function weigh(
  sent: { readonly messages: readonly ModelMessage[]; readonly tools: readonly ToolSpec[] },
  parts: readonly ContextPart[],
  read: ReadQuoted,
  count: CountTokens,
): Promise<WeighedPacket> {
  // What a provider's repetition has added comes from no part: a nudge, for example.
  const quoted = new Map(parts.map((part) => [part.message, part.pieces]));
  const texts = [JSON.stringify(sent.tools)];
  const apart: Split[][] = [];
  let pause = PAUSE_EVERY;
  for (const message of sent.messages) {
    const pieces = split(message.text, quoted.get(message) ?? [], read);
    apart.push(pieces);
    texts.push(...pieces.map(({ shown }) => shown), callsOf(message));
    pause -= message.text.length;
    if (pause > 0) continue;
    pause = PAUSE_EVERY;
    await slices.next();
  }
  const counts = await count(texts);
  const tokens = counts.reduce((sum, one) => sum + one, MESSAGE_TOKENS * sent.messages.length);
  let at = 1;
  const messages = sent.messages.map((message, index): ContextMessage => {
    const pieces = (apart[index] ?? []).map(({ shown: _, ...piece }): ContextPiece => ({ ...piece, tokens: counts[at++] ?? 0 }));
    at++;
    const calls = message.role === 'assistant' && message.calls.length > 0 ? { calls: message.calls } : {};
    const answers = message.role === 'tool' ? { callId: message.callId, tool: message.tool } : {};
    return { role: message.role, ...answers, ...calls, pieces };
  });
  return { packet: { messages, tools: sent.tools }, tokens };
}

/** The calls of an answer as they are counted; empty without any. */
function callsOf(message: ModelMessage): string {
  return message.role === 'assistant' && message.calls.length > 0 ? JSON.stringify(message.calls) : '';
}

/**
 * Reads what never changes again: channels, prompts, and log entries that have ended. As they are stored: what was shown with a secret masked quotes
 * nothing, and its text is kept.
 */
export function quotedReader({ store }: Pick<RuntimeParts, 'store'>, run: Run): ReadQuoted {
  return ({ path, from, to }) => {
    const entry = store.entries.get(run.id, path);
    if (!entry) return undefined;
    if (isChannel(entry)) return store.channels.read(entry.id, from, to - from);
    const fixed = entry.scheme === 'prompt' || (entry.scheme === 'log' && isEnd(entry.status));
    return fixed ? Buffer.from(entry.body).subarray(from, to) : undefined;
  };
}
