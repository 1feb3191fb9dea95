import type { ContextPart } from '../../hooks/table.ts';
import type { Redaction } from '../../redact/index.ts';

/**
 * A part as the model is sent it: without the secrets of what tools and commands said (SPEC {#redaction}). What a person
 * wrote to the model, and what the model wrote itself, is sent as it is.
 */
export function redactedPart(redaction: Redaction, part: ContextPart): ContextPart {
  const { message, pieces } = part;
  const own = message.role === 'assistant' || message.role === 'system';
  if (own || (message.role === 'user' && pieces.some(({ path }) => path.startsWith('prompt://')))) return part;
  const text = redaction.text(message.text);
  return text === message.text ? part : { ...part, message: { ...message, text } };
}
