/** One tool call as the server sends it; `args` goes out as it is, JSON or not. `id: null` sends none. */
export interface WireCall {
  readonly id?: string | null;
  readonly name: string;
  /** OpenAI responses: of the tools that one MCP server has. */
  readonly namespace?: string;
  readonly args: string;
}

export interface WireUsage {
  readonly cached: number;
  readonly written: number;
}

export type WireEnd = 'stop' | 'calls' | 'length' | 'filter';

/** The event stream of one API, piece by piece. */
export interface ModelFormat {
  open(): string;
  text(piece: string): string;
  /** Every call; interleaved: a piece of each in turn, where the API can. */
  calls(calls: readonly WireCall[], interleaved: boolean): string[];
  /** A call whose arguments do not end. */
  cutCall(call: WireCall): string;
  /** `usage: null`: none is told. */
  end(reason: WireEnd, usage: WireUsage | null): string;
  /** The body of an error answer. */
  error(status: number, message: string): string;
  /** What this API says of a context that is too long. */
  readonly tooLong: { readonly status: number; readonly body: string };
}

const INPUT = 120;
const OUTPUT = 30;

export function pieces(text: string): string[] {
  const size = Math.max(1, Math.ceil(text.length / 3));
  return Array.from({ length: Math.ceil(text.length / size) }, (_, index) => text.slice(index * size, (index + 1) * size));
}

/** The pieces of all lists, one of each in turn, or list by list. */
function merged(lists: readonly string[][], interleaved: boolean): string[] {
  if (!interleaved) return lists.flat();
  const rounds = Math.max(0, ...lists.map(({ length }) => length));
  return Array.from({ length: rounds }, (_, round) => lists.flatMap((list) => list[round] ?? [])).flat();
}

const data = (value: object): string => `data: ${JSON.stringify(value)}\n\n`;

/** OpenAI chat completions. */
export function chatFormat(): ModelFormat {
  const base = { id: 'c1', object: 'chat.completion.chunk', created: 1, model: 'm' };
  const chunk = (delta: object, finish: string | null = null) => data({ ...base, choices: [{ index: 0, delta, finish_reason: finish }] });
  const parts = ({ id, name, args }: WireCall, index: number): string[] => {
    // As servers do: the name first, the arguments in pieces.
    const known = id === null ? {} : { id: id ?? `call_${index}` };
    const opening = { index, ...known, type: 'function', function: { name, arguments: '' } };
    return [
      chunk({ tool_calls: [opening] }),
      ...pieces(args).map((piece) => chunk({ tool_calls: [{ index, function: { arguments: piece } }] })),
    ];
  };
  const reasons = { stop: 'stop', calls: 'tool_calls', length: 'length', filter: 'content_filter' } as const;
  return {
    open: () => '',
    text: (piece) => chunk({ content: piece }),
    calls: (calls, interleaved) => merged(calls.map(parts), interleaved),
    cutCall: (call) => parts(call, 0).join(''),
    end: (reason, usage) => {
      const counts = {
        prompt_tokens: INPUT,
        completion_tokens: OUTPUT,
        total_tokens: INPUT + OUTPUT,
        prompt_tokens_details: { cached_tokens: usage?.cached ?? 0 },
      };
      return `${chunk({}, reasons[reason])}${usage ? data({ ...base, choices: [], usage: counts }) : ''}data: [DONE]\n\n`;
    },
    error: (status, message) => JSON.stringify({ error: { message, type: `status_${status}` } }),
    tooLong: {
      status: 400,
      body: JSON.stringify({ error: { message: "This model's maximum context length is 8192 tokens", code: 'context_length_exceeded' } }),
    },
  };
}

/** OpenAI responses. */
export function responsesFormat(): ModelFormat {
  let sequence = 0;
  let output = 0;
  let open: { id: string; text: string } | undefined;
  const event = (type: string, more: object) => `event: ${type}\n${data({ type, sequence_number: sequence++, ...more })}`;
  const close = () => {
    if (!open) return '';
    const { id, text } = open;
    open = undefined;
    const item = { type: 'message', id, status: 'completed', role: 'assistant', content: [{ type: 'output_text', text, annotations: [] }] };
    return event('response.output_item.done', { output_index: output++, item });
  };
  const parts = ({ id, name, args }: WireCall, index: number): string[] => {
    const at = output + index;
    const item = { type: 'function_call', id: `fc_${index}`, call_id: id ?? `call_${index}`, name, arguments: '' };
    return [
      event('response.output_item.added', { output_index: at, item }),
      ...pieces(args).map((delta) => event('response.function_call_arguments.delta', { item_id: item.id, output_index: at, delta })),
    ];
  };
  const done = ({ id, name, namespace, args }: WireCall, index: number) => {
    const called = { call_id: id ?? `call_${index}`, name, ...(namespace === undefined ? {} : { namespace }), arguments: args };
    const item = { type: 'function_call', id: `fc_${index}`, ...called, status: 'completed' };
    return event('response.output_item.done', { output_index: output + index, item });
  };
  return {
    open: () => event('response.created', { response: { id: 'r1', created_at: 1, model: 'm' } }),
    text: (piece) => {
      const begun = open
        ? ''
        : event('response.output_item.added', {
            output_index: output,
            item: { type: 'message', id: 'msg_1', status: 'in_progress', role: 'assistant', content: [] },
          });
      open = { id: 'msg_1', text: `${open?.text ?? ''}${piece}` };
      return begun + event('response.output_text.delta', { item_id: 'msg_1', output_index: output, content_index: 0, delta: piece });
    },
    calls: (calls, interleaved) => [close(), ...merged(calls.map(parts), interleaved), ...calls.map(done)],
    cutCall: (call) => close() + parts(call, 0).join(''),
    end: (reason, usage) => {
      const why = { length: 'max_output_tokens', filter: 'content_filter', stop: null, calls: null }[reason];
      const counts = {
        input_tokens: INPUT,
        input_tokens_details: { cached_tokens: usage?.cached ?? 0 },
        output_tokens: OUTPUT,
        output_tokens_details: { reasoning_tokens: 0 },
        total_tokens: INPUT + OUTPUT,
      };
      const response = {
        id: 'r1',
        created_at: 1,
        model: 'm',
        incomplete_details: why === null ? null : { reason: why },
        usage: usage ? counts : null,
      };
      return close() + event(why === null ? 'response.completed' : 'response.incomplete', { response });
    },
    error: (status, message) => JSON.stringify({ error: { message, type: `status_${status}`, param: null, code: null } }),
    tooLong: {
      status: 400,
      body: JSON.stringify({
        error: {
          message: 'Your input exceeds the context window of this model.',
          type: 'invalid_request_error',
          param: 'input',
          code: 'context_length_exceeded',
        },
      }),
    },
  };
}

/** Anthropic messages. */
export function messagesFormat(): ModelFormat {
  let block = 0;
  let open = false;
  const event = (type: string, more: object) => `event: ${type}\n${data({ type, ...more })}`;
  const close = () => {
    if (!open) return '';
    open = false;
    return event('content_block_stop', { index: block++ });
  };
  const parts = ({ id, name, args }: WireCall, index: number): string[] => {
    const at = block + index;
    return [
      event('content_block_start', { index: at, content_block: { type: 'tool_use', id: id ?? `toolu_${index}`, name, input: {} } }),
      ...pieces(args).map((piece) => event('content_block_delta', { index: at, delta: { type: 'input_json_delta', partial_json: piece } })),
    ];
  };
  const reasons = { stop: 'end_turn', calls: 'tool_use', length: 'max_tokens', filter: 'refusal' } as const;
  return {
    open: () =>
      event('message_start', {
        message: {
          id: 'm1',
          type: 'message',
          role: 'assistant',
          model: 'm',
          content: [],
          stop_reason: null,
          stop_sequence: null,
          usage: { input_tokens: INPUT, output_tokens: 1 },
        },
      }) + event('ping', {}),
    text: (piece) => {
      const begun = open ? '' : event('content_block_start', { index: block, content_block: { type: 'text', text: '' } });
      open = true;
      return begun + event('content_block_delta', { index: block, delta: { type: 'text_delta', text: piece } });
    },
    // This API sends one block after another.
    calls: (calls) => [
      close(),
      ...calls.flatMap((call, index) => [...parts(call, index), event('content_block_stop', { index: block + index })]),
    ],
    cutCall: (call) => close() + parts(call, 0).join(''),
    end: (reason, usage) => {
      const counts = {
        output_tokens: OUTPUT,
        ...(usage
          ? {
              input_tokens: INPUT - usage.cached - usage.written,
              cache_read_input_tokens: usage.cached,
              cache_creation_input_tokens: usage.written,
            }
          : {}),
      };
      return (
        close() +
        event('message_delta', { delta: { stop_reason: reasons[reason], stop_sequence: null }, usage: counts }) +
        event('message_stop', {})
      );
    },
    error: (status, message) =>
      JSON.stringify({ type: 'error', error: { type: status === 529 ? 'overloaded_error' : 'api_error', message } }),
    tooLong: {
      status: 400,
      body: JSON.stringify({
        type: 'error',
        error: { type: 'invalid_request_error', message: 'prompt is too long: 208310 tokens > 200000 maximum' },
      }),
    },
  };
}

/** The formats by the path that a request goes to. */
export const FORMATS: Readonly<Record<string, () => ModelFormat>> = {
  '/v1/chat/completions': chatFormat,
  '/v1/responses': responsesFormat,
  '/v1/messages': messagesFormat,
};
