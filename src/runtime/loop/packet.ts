import { isEnd } from '../../core/end-status.ts';
import type { ContextPart } from '../../hooks/table.ts';
import type { ContextMessage, ContextPacket } from '../../model/context-record.ts';
import type { ModelMessage, ToolSpec } from '../../model/ports/model-provider.ts';
import type { Run } from '../../model/records.ts';
import type { RuntimeParts } from '../parts.ts';
import { isChannel } from '../readers.ts';
import { type ReadQuoted, split } from './split.ts';
import type { CountTokens } from './tokens.ts';

/** Tokens that a message costs beside its text: its role and its delimiters. */
const MESSAGE_TOKENS = 4;
/** Tokens after which the event loop gets its turn: output of commands goes on while a context is counted. */
const PAUSE_EVERY = 20_000;

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
  const messages: ContextMessage[] = [];
  let tokens = count(JSON.stringify(sent.tools));
  let pause = PAUSE_EVERY;
  for (const message of sent.messages) {
    const pieces = split(message.text, quoted.get(message) ?? [], read, count);
    const calls = message.role === 'assistant' && message.calls.length > 0 ? { calls: message.calls } : {};
    const answers = message.role === 'tool' ? { callId: message.callId, tool: message.tool } : {};
    messages.push({ role: message.role, ...answers, ...calls, pieces });
    tokens += MESSAGE_TOKENS + pieces.reduce((sum, piece) => sum + piece.tokens, 0);
    if (calls.calls) tokens += count(JSON.stringify(calls.calls));
    if (tokens > pause) {
      pause = tokens + PAUSE_EVERY;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  return { packet: { messages, tools: sent.tools }, tokens };
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
