import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createProviders } from '../../../src/llm/index.ts';
import { ModelFailure } from '../../../src/model/model-failure.ts';
import type { ModelEvent, ModelRequest } from '../../../src/model/ports/model-provider.ts';
import { type OpenAiServer, openAiServer } from '../../support/openai-server.ts';

const REQUEST: ModelRequest = {
  model: 'test-model',
  messages: [
    { role: 'system', text: 'Be exact.' },
    { role: 'user', text: 'What is there?' },
  ],
  tools: [
    { name: 'look', description: 'Looks.', inputSchema: { type: 'object', properties: { path: { type: 'string' } }, required: ['path'] } },
  ],
  projectRoot: '/',
  step: 0,
  mode: 'act',
  prompt: 'What is there?',
};

let server: OpenAiServer;
beforeEach(async () => {
  server = await openAiServer();
});
afterEach(async () => {
  await server.close();
});

function provider(env: NodeJS.ProcessEnv = { TEST_KEY: 'sk-test' }, apiKeyEnv: string | undefined = 'TEST_KEY') {
  const found = createProviders({ local: { baseUrl: server.url, apiKeyEnv } }, env, { backoffMs: 1 }).find(({ name }) => name === 'local');
  if (!found) throw new Error('no provider');
  return found;
}

async function ask(request: ModelRequest = REQUEST, signal = new AbortController().signal): Promise<ModelEvent[]> {
  const events: ModelEvent[] = [];
  for await (const event of provider().ask(request, signal)) events.push(event);
  return events;
}

async function failure(): Promise<ModelFailure> {
  const error: unknown = await ask().then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ModelFailure);
  return error as ModelFailure;
}

describe('{#providers} a model behind an OpenAI-compatible API', () => {
  it('streams text, and reports usage with cached tokens', async () => {
    server.answer({ kind: 'say', text: 'Three files.', cachedTokens: 64 });
    const events = await ask();
    const text = events.flatMap((event) => (event.type === 'text' ? [event.text] : []));
    expect(text.length).toBeGreaterThan(1);
    expect(text.join('')).toBe('Three files.');
    expect(events.at(-1)).toEqual({ type: 'finish', reason: 'stop', usage: { inputTokens: 120, outputTokens: 30, cachedTokens: 64 } });
  });

  it('sends system text, messages, tools with their schema, and the key from the environment', async () => {
    server.answer({ kind: 'say', text: 'ok' });
    await ask({ ...REQUEST, temperature: 0.5 });
    const { body, authorization } = server.requests[0]!;
    expect(authorization).toBe('Bearer sk-test');
    expect(body).toMatchObject({ model: 'test-model', stream: true, temperature: 0.5 });
    expect(body.messages.map(({ role }) => role)).toEqual(['system', 'user']);
    expect(body.tools?.[0]?.function).toMatchObject({ name: 'look', parameters: { required: ['path'] } });
  });

  it('gives parallel calls in their order, with their inputs', async () => {
    server.answer({
      kind: 'say',
      calls: [
        { name: 'look', args: '{"path":"a"}' },
        { name: 'look', args: '{"path":"b"}' },
      ],
    });
    const events = await ask();
    const calls = events.flatMap((event) => (event.type === 'call' ? [event.call] : []));
    expect(calls.map(({ input }) => input)).toEqual([{ path: 'a' }, { path: 'b' }]);
    expect(new Set(calls.map(({ id }) => id)).size).toBe(2);
    expect(events.at(-1)).toMatchObject({ type: 'finish', reason: 'calls' });
  });

  it('sends calls and their results back as the API wants them', async () => {
    server.answer({ kind: 'say', text: 'done' });
    await ask({
      ...REQUEST,
      messages: [
        ...REQUEST.messages,
        {
          role: 'assistant',
          text: '',
          calls: [
            { id: 'a', tool: 'look', input: { path: 'x' } },
            { id: 'b', tool: 'look', input: { path: 'y' } },
          ],
        },
        { role: 'tool', callId: 'a', tool: 'look', text: 'first' },
        { role: 'tool', callId: 'b', tool: 'look', text: 'second' },
      ],
    });
    const messages = server.requests[0]!.body.messages;
    expect(messages.map(({ role }) => role)).toEqual(['system', 'user', 'assistant', 'tool', 'tool']);
    expect(messages.at(-1)).toMatchObject({ tool_call_id: 'b', content: 'second' });
  });

  it('reports a call whose arguments are no JSON, and one that are no object, instead of throwing', async () => {
    server.answer({
      kind: 'say',
      calls: [
        { name: 'look', args: '{"path": "a' },
        { name: 'look', args: '[1]' },
        { name: 'look', args: '{"path":"ok"}' },
      ],
    });
    const events = await ask();
    const bad = events.filter((event) => event.type === 'bad-call');
    expect(bad).toHaveLength(2);
    expect(bad[0]).toMatchObject({ tool: 'look', raw: '{"path": "a', problem: expect.stringContaining('no JSON') as string });
    expect(bad[1]).toMatchObject({ problem: expect.stringContaining('no object') as string });
    expect(events.filter((event) => event.type === 'call')).toHaveLength(1);
  });

  it('passes on a call of a tool that does not exist', async () => {
    server.answer({ kind: 'say', calls: [{ name: 'fly', args: '{"to":"moon"}' }] });
    expect(await ask()).toContainEqual({ type: 'call', call: { id: 'call_0', tool: 'fly', input: { to: 'moon' } } });
  });

  it('tries again after 429 and 500, as long as the server asks for', async () => {
    server.answer(
      { kind: 'status', status: 429, retryAfterMs: 1 },
      { kind: 'status', status: 500, retryAfterMs: 1 },
      { kind: 'say', text: 'at last' },
    );
    expect(await ask()).toContainEqual({ type: 'text', text: expect.stringContaining('at') as string });
    expect(server.requests).toHaveLength(3);
  });

  it('names HTTP status and next step when the attempts are used up', async () => {
    const refused = { kind: 'status', status: 429, retryAfterMs: 1 } as const;
    server.answer(refused, refused, refused);
    expect(await failure()).toMatchObject({
      outcome: 'model_http',
      httpStatus: 429,
      message: expect.stringContaining('again later') as string,
    });
  });

  it('says that the key is wrong without trying again, and never prints the key', async () => {
    server.answer({ kind: 'status', status: 401 });
    const failed = await failure();
    expect(failed).toMatchObject({ outcome: 'model_http', httpStatus: 401, message: expect.stringContaining('key') as string });
    expect(failed.message).not.toContain('sk-test');
    expect(server.requests).toHaveLength(1);
  });

  it('knows a context that is too long', async () => {
    const body = JSON.stringify({
      error: { message: "This model's maximum context length is 8192 tokens", code: 'context_length_exceeded' },
    });
    server.answer({ kind: 'status', status: 400, body });
    expect(await failure()).toMatchObject({ outcome: 'model_context' });
  });

  it.each([
    ['a connection that drops in the middle', { kind: 'cut', text: 'Three fi' }],
    ['a stream that ends without saying why', { kind: 'unfinished', text: 'Three fi' }],
    ['a body that makes no sense', { kind: 'nonsense', body: 'data: <html>hello</html>\n\n' }],
    ['a body that is no event stream', { kind: 'nonsense', body: 'good morning' }],
  ] as const)('is model_cut for %s', async (_, answer) => {
    server.answer(answer);
    expect(await failure()).toMatchObject({ outcome: 'model_cut' });
  });

  it('is model_unreachable where nothing listens', async () => {
    const { url } = server;
    await server.close();
    expect(await failure()).toMatchObject({ outcome: 'model_unreachable', message: expect.stringContaining(url) as string });
    server = await openAiServer();
  });

  it('ends the HTTP request when its signal is aborted, and throws cancelled', async () => {
    server.answer({ kind: 'hang' });
    const controller = new AbortController();
    const asked = ask(REQUEST, controller.signal).then(
      () => undefined,
      (error: unknown) => error,
    );
    await server.received(1);
    controller.abort(new Error('enough'));
    expect(await asked).toMatchObject({ kind: 'cancelled' });
  });

  it('says which variable is missing, or that there is no address, before any request', async () => {
    const run = async (env: NodeJS.ProcessEnv, name: string) => {
      const found = createProviders({ local: { baseUrl: server.url, apiKeyEnv: 'TEST_KEY' } }, env).find((one) => one.name === name)!;
      for await (const event of found.ask(REQUEST, new AbortController().signal)) throw new Error(event.type);
    };
    await expect(run({}, 'local')).rejects.toMatchObject({
      outcome: 'model_config',
      message: expect.stringContaining('TEST_KEY') as string,
    });
    await expect(run({}, 'openai-compatible')).rejects.toMatchObject({
      outcome: 'model_config',
      message: expect.stringContaining('HEADGATE_OPENAI_BASE_URL') as string,
    });
    expect(server.requests).toHaveLength(0);
  });
});
