import type { ModelMessage as SdkMessage } from 'ai';
import type { ModelMessage } from '../model/ports/model-provider.ts';

/** Our messages as the SDK takes them: system texts joined, results of one answer's calls in one message. */
export function sdkMessages(messages: readonly ModelMessage[]): { system: string; messages: SdkMessage[] } {
  const system: string[] = [];
  const out: SdkMessage[] = [];
  for (const message of messages) {
    if (message.role === 'system') system.push(message.text);
    else if (message.role === 'user') out.push({ role: 'user', content: message.text });
    else if (message.role === 'assistant') {
      const calls = message.calls.map(({ id, tool, input }) => ({ type: 'tool-call' as const, toolCallId: id, toolName: tool, input }));
      const text = message.text === '' ? [] : [{ type: 'text' as const, text: message.text }];
      out.push({ role: 'assistant', content: [...text, ...calls] });
    } else {
      const result = {
        type: 'tool-result' as const,
        toolCallId: message.callId,
        toolName: message.tool,
        output: { type: 'text' as const, value: message.text },
      };
      const last = out.at(-1);
      if (last?.role === 'tool') out[out.length - 1] = { role: 'tool', content: [...last.content, result] };
      else out.push({ role: 'tool', content: [result] });
    }
  }
  return { system: system.join('\n\n'), messages: out };
}
