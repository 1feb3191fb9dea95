import type { ResultOf } from '../../src/rpc/protocol/table.ts';
import type { WireRequest } from './openai-server.ts';

export type TurnContext = ResultOf<'getContext'>;

/** Bytes [from, to) of an entry or a channel, as a client reads them. */
export type ReadBytes = (path: string, from: number, to: number) => Promise<Buffer>;

/** What a turn sent, made again from its record and the stored bytes, in the words of the OpenAI API (SPEC {#context_record}). */
export async function rebuild(context: TurnContext, read: ReadBytes): Promise<Pick<WireRequest, 'messages' | 'tools'>> {
  const texts = new Map<number, string>();
  for (const piece of context.pieces) {
    const { message, path, from, to, form } = piece;
    const text = form === 'exact' && path !== null ? (await read(path, from, to)).toString('utf8') : (piece.text ?? '');
    texts.set(message, (texts.get(message) ?? '') + text);
  }
  const system: string[] = [];
  const messages: WireRequest['messages'][number][] = [];
  for (const { message, role, calls, callId } of context.messages) {
    const content = texts.get(message) ?? '';
    if (role === 'system') system.push(content);
    else if (role === 'user') messages.push({ role, content });
    else if (role === 'tool') messages.push({ role, content, tool_call_id: callId ?? '' });
    else {
      const tool_calls = calls?.map(({ id, tool, input }) => ({
        id,
        type: 'function',
        function: { name: tool, arguments: JSON.stringify(input) },
      }));
      messages.push({ role, content: content === '' && tool_calls ? null : content, ...(tool_calls ? { tool_calls } : {}) });
    }
  }
  const tools = context.tools.map(({ name, description, inputSchema }) => ({
    type: 'function',
    function: { name, description, parameters: inputSchema },
  }));
  return { messages: [{ role: 'system', content: system.join('\n\n') }, ...messages], tools };
}

/** The requests of turns in order, as one text each: what a provider's cache compares. */
export function packetText({ messages, tools }: Pick<WireRequest, 'messages' | 'tools'>): string {
  return `${JSON.stringify(tools)}\n${messages.map((message) => JSON.stringify(message)).join('\n')}\n`;
}
