import type { ModelMessage as SdkMessage, SystemModelMessage } from 'ai';
import type { ModelMessage } from '../../model/ports/model-provider.ts';

/** Anthropic keeps the prefix up to a marked message; a message without a mark costs its full price each time. */
const CACHE_MARK = { anthropic: { cacheControl: { type: 'ephemeral' } } } as const;

/** Our messages as the SDK takes them: system texts joined, results of one answer's calls in one message. */
export function sdkMessages(
  messages: readonly ModelMessage[],
  marksCache: boolean,
): { system: SystemModelMessage | undefined; messages: SdkMessage[] } {
  const texts: string[] = [];
  const out: SdkMessage[] = [];
  for (const message of messages) {
    if (message.role === 'system') texts.push(message.text);
    else if (message.role === 'user') out.push({ role: 'user', content: message.text });
    else if (message.role === 'assistant') {
      const calls = message.calls.map(({ id, tool, input }) => ({
        type: 'tool-call' as const,
        toolCallId: id,
        toolName: wireName(tool),
        input,
      }));
      const text = message.text === '' ? [] : [{ type: 'text' as const, text: message.text }];
      out.push({ role: 'assistant', content: [...text, ...calls] });
    } else {
      const result = {
        type: 'tool-result' as const,
        toolCallId: message.callId,
        toolName: wireName(message.tool),
        output: { type: 'text' as const, value: message.text },
      };
      const last = out.at(-1);
      if (last?.role === 'tool') out[out.length - 1] = { role: 'tool', content: [...last.content, result] };
      else out.push({ role: 'tool', content: [result] });
    }
  }
  const content = texts.join('\n\n');
  const system: SystemModelMessage | undefined = content === '' ? undefined : { role: 'system', content };
  return marksCache ? { system: system && marked(system), messages: markedEnd(out) } : { system, messages: out };
}

/**
 * Marks the last two messages that answer the model: the end of the packet is what the next turn begins with, and the one
 * before it is found when the end was volatile. Tools and system text are before the mark on the system text.
 */
function markedEnd(messages: SdkMessage[]): SdkMessage[] {
  const ends = messages.flatMap(({ role }, index) => (role === 'assistant' ? [] : [index])).slice(-2);
  return messages.map((message, index) => (ends.includes(index) ? marked(message) : message));
}

function marked<M extends SdkMessage>(message: M): M {
  return { ...message, providerOptions: CACHE_MARK };
}

/** A name that a model made up goes back to it; the APIs refuse a whole request for a character in one. */
function wireName(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9_-]/g, '_').slice(0, 64) || 'unknown';
}
