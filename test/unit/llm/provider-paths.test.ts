import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createProviders, type ProviderSettings } from '../../../src/llm/index.ts';
import { ModelFailure } from '../../../src/model/model-failure.ts';
import type { ModelEvent, ModelRequest } from '../../../src/model/ports/model-provider.ts';
import { type OpenAiServer, openAiServer } from '../../support/openai-server.ts';

const KEY = 'sk-test-4711';
const REQUEST: ModelRequest = {
  model: 'test-model',
  messages: [
    { role: 'system', text: 'Be exact.' },
    { role: 'user', text: 'What is there?' },
  ],
  tools: [
    {
      name: 'look',
      description: 'Looks.',
      inputSchema: {
        type: 'object',
        properties: { path: { type: 'string' }, depth: { type: 'integer' } },
        required: ['path'],
        additionalProperties: false,
      },
    },
  ],
  projectRoot: '/',
  step: 0,
  mode: 'act',
  prompt: 'What is there?',
};

/** Every way to a model: those with variables of their own, and one of each kind from the configuration. */
const PATHS: { name: string; env: (root: string) => NodeJS.ProcessEnv; file?: (root: string) => ProviderSettings; api: string }[] = [
  {
    name: 'openai-compatible',
    env: (root) => ({ HEADGATE_OPENAI_BASE_URL: `${root}/v1`, HEADGATE_OPENAI_API_KEY: KEY }),
    api: '/v1/chat/completions',
  },
  { name: 'openai', env: (root) => ({ OPENAI_BASE_URL: `${root}/v1`, OPENAI_API_KEY: `${KEY}\n` }), api: '/v1/responses' },
  { name: 'anthropic', env: (root) => ({ ANTHROPIC_BASE_URL: root, ANTHROPIC_API_KEY: KEY }), api: '/v1/messages' },
  ...(
    [
      ['openai-compatible', '/v1/chat/completions'],
      ['openai', '/v1/responses'],
      ['anthropic', '/v1/messages'],
    ] as const
  ).map(([kind, api]) => ({
    name: `own-${kind}`,
    env: () => ({ OWN_KEY: KEY }),
    file: (root: string) => ({ kind, baseUrl: `${root}/v1`, apiKeyEnv: 'OWN_KEY', headers: { 'x-team': 'seven' } }),
    api,
  })),
];

let server: OpenAiServer;
beforeEach(async () => {
  server = await openAiServer();
});
afterEach(() => server.close());

describe.each(PATHS)('{#providers} {#model_retry} {#model_failure} over $name', ({ name, env, file, api }) => {
  const provider = (timing: Parameters<typeof createProviders>[2] = {}) => {
    const root = server.url.replace('/v1', '');
    const found = createProviders(file ? { [name]: file(root) } : {}, env(root), timing).find((one) => one.name === name);
    if (!found) throw new Error('no provider');
    return found;
  };
  const ask = async (
    o: { request?: ModelRequest; timing?: Parameters<typeof createProviders>[2]; heard?: (event: ModelEvent) => void } = {},
  ) => {
    const events: ModelEvent[] = [];
    for await (const event of provider(o.timing).ask(o.request ?? REQUEST, new AbortController().signal)) {
      events.push(event);
      o.heard?.(event);
    }
    return events;
  };
  const failure = async (timing?: Parameters<typeof createProviders>[2]): Promise<ModelFailure> => {
    const error: unknown = await ask(timing ? { timing } : {}).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(ModelFailure);
    expect((error as ModelFailure).message).not.toContain(KEY);
    return error as ModelFailure;
  };
  const textOf = (events: ModelEvent[]) => events.flatMap((event) => (event.type === 'text' ? [event.text] : []));
  const callsOf = (events: ModelEvent[]) => events.flatMap((event) => (event.type === 'call' ? [event.call] : []));

  it('asks its own API with its key, gives text while it comes, and counts tokens from the cache', async () => {
    server.answer({ kind: 'say', text: 'Three files.', held: true, cachedTokens: 64 });
    const heard: string[] = [];
    const events = await ask({
      heard: (event) => {
        if (event.type !== 'text') return;
        heard.push(event.text);
        // The server has not said the end yet, and does so only now.
        if (heard.join('') === 'Three files.') server.release();
      },
    });
    expect(heard.length).toBeGreaterThan(1);
    expect(events.at(-1)).toEqual({ type: 'finish', reason: 'stop', usage: { inputTokens: 120, outputTokens: 30, cachedTokens: 64 } });
    const { path, headers } = server.requests[0]!;
    expect(path).toBe(api);
    expect([headers.authorization, headers['x-api-key']]).toContain(api === '/v1/messages' ? KEY : `Bearer ${KEY}`);
    if (file) expect(headers['x-team']).toBe('seven');
  });

  it('gives parallel calls whose pieces come in turn, each whole and in order', async () => {
    const args = Array.from({ length: 3 }, (_, index) => JSON.stringify({ path: `folder/${index}`, depth: index }));
    server.answer({ kind: 'say', text: 'Looking.', calls: args.map((one) => ({ name: 'look', args: one })), interleaved: true });
    const events = await ask();
    expect(callsOf(events).map(({ input }) => JSON.stringify(input))).toEqual(args);
    expect(new Set(callsOf(events).map(({ id }) => id)).size).toBe(3);
    expect(events.at(-1)).toMatchObject({ type: 'finish', reason: 'calls' });
  });

  it.each([
    ['in milliseconds', () => ({ 'retry-after-ms': '120' }), 120],
    ['in seconds', () => ({ 'retry-after': '0.15' }), 150],
    ['with a date', () => ({ 'retry-after': new Date(Date.now() + 1900).toUTCString() }), 500],
  ])('waits after 429 as long as it is asked to, %s, and asks again', async (_, headers, atLeastMs) => {
    server.answer({ kind: 'status', status: 429, headers: headers() }, { kind: 'say', text: 'At last.' });
    expect(textOf(await ask({ timing: { backoffMs: 60_000 } })).join('')).toBe('At last.');
    const [first, second] = server.requests;
    expect(second!.at - first!.at).toBeGreaterThanOrEqual(atLeastMs);
  });

  it('does not wait an hour: it says when to ask again', async () => {
    server.answer({ kind: 'status', status: 429, headers: { 'retry-after': '3600' } });
    const before = Date.now();
    const failed = await failure();
    expect(failed).toMatchObject({ outcome: 'model_http', httpStatus: 429, retryAfterMs: 3_600_000 });
    const at = Date.parse(/until (\S+)\.$/.exec(failed.message)?.[1] ?? '');
    expect(at).toBeGreaterThanOrEqual(before + 3_599_000);
    expect(server.requests).toHaveLength(1);
  });

  it.each([500, 503, 529])('tries %d twice more with growing waits, then says so', async (status) => {
    const refused = { kind: 'status', status } as const;
    server.answer(refused, refused, refused);
    expect(await failure({ backoffMs: 20 })).toMatchObject({ outcome: 'model_http', httpStatus: status });
    const [a, b, c] = server.requests.map(({ at }) => at);
    expect(server.requests).toHaveLength(3);
    expect(b! - a!).toBeGreaterThanOrEqual(19);
    expect(c! - b!).toBeGreaterThanOrEqual(39);
  });

  it.each([400, 401, 403, 404])('does not try %d again', async (status) => {
    server.answer({ kind: 'status', status });
    expect(await failure()).toMatchObject({ outcome: 'model_http', httpStatus: status });
    expect(server.requests).toHaveLength(1);
  });

  it('does not wait for an account without money', async () => {
    server.answer({
      kind: 'status',
      status: 429,
      body: '{"type":"error","error":{"message":"You exceeded your current quota","type":"insufficient_quota"}}',
    });
    expect((await failure()).message).toContain('waiting does not help');
    expect(server.requests).toHaveLength(1);
  });

  it('does not follow a redirect, which would carry the key elsewhere', async () => {
    server.answer({ kind: 'status', status: 307, headers: { location: `${server.url}/elsewhere` } });
    expect((await failure()).message).toMatch(/returned 307.*redirects/s);
    expect(server.requests).toHaveLength(1);
  });

  it('does not repeat a key that the provider repeats', async () => {
    server.answer({
      kind: 'status',
      status: 401,
      body: JSON.stringify({ type: 'error', error: { type: 'auth', message: `Incorrect API key provided: ${KEY}` } }),
    });
    expect((await failure()).message).toContain('[key]');
  });

  it.each([
    ['in the middle of the text', { kind: 'cut', text: 'Three fi' }],
    ['in the middle of a call', { kind: 'cut', text: 'Looking.', call: { name: 'look', args: '{"path":"sr' } }],
    ['before its reason', { kind: 'unfinished', text: 'Three fi' }],
    ['before anything is said', { kind: 'nonsense', body: '' }],
  ] as const)('is model_cut for an answer that ends %s, and gives no call', async (_, answer) => {
    server.answer(answer);
    const events: ModelEvent[] = [];
    await expect(ask({ heard: (event) => events.push(event) })).rejects.toMatchObject({ outcome: 'model_cut' });
    expect(callsOf(events)).toEqual([]);
  });

  it('gives up an answer that stalls, before its first byte and in its middle', async () => {
    server.answer({ kind: 'hang' }, { kind: 'stall', text: 'Three fi' });
    expect(await failure({ stallMs: 100 })).toMatchObject({ outcome: 'model_timeout' });
    expect(await failure({ stallMs: 100 })).toMatchObject({ outcome: 'model_timeout' });
  });

  it('ends the request of an answer that is given up', async () => {
    server.answer({ kind: 'stall', text: 'Three fi' });
    const given = ask({
      heard: () => {
        throw new ModelFailure('model_cut', 'enough');
      },
    });
    await expect(given).rejects.toMatchObject({ message: 'enough' });
    await vi.waitUntil(() => server.abandoned === 1, { timeout: 5000 });
  });

  it('knows a context that is too long by what this API says', async () => {
    server.answer({ kind: 'too-long' });
    expect(await failure()).toMatchObject({
      outcome: 'model_context',
      httpStatus: 400,
      message: expect.stringContaining('new run') as string,
    });
    expect(server.requests).toHaveLength(1);
  });

  it.each([
    ['a trailing comma', '{"path":"a",}', { path: 'a' }],
    ['single quotes', "{'path':'a'}", { path: 'a' }],
    ['a comment', '{"path":"a" /* here */}', { path: 'a' }],
    ['a number as a string', '{"path":"a","depth":"2"}', { path: 'a', depth: 2 }],
    ['JSON in a string', '"{\\"path\\":\\"a\\"}"', { path: 'a' }],
    ['a missing bracket', '{"path":"a"', { path: 'a' }],
  ])('{#healing} mends %s and says so', async (_, args, input) => {
    server.answer({ kind: 'say', calls: [{ name: 'Look', args }] });
    const [event] = await ask();
    expect(event).toMatchObject({ type: 'call', call: { tool: 'look', input } });
    expect(event?.type === 'call' ? event.repaired?.length : 0).toBeGreaterThanOrEqual(2);
  });

  it('{#healing} reports a call that may mean several things, and gives the others', async () => {
    server.answer({
      kind: 'say',
      calls: [
        { name: 'look', args: '{"path":"a' },
        { name: 'look', args: '{"path":"b"}' },
      ],
    });
    const events = await ask();
    expect(events[0]).toMatchObject({ type: 'bad-call', tool: 'look', problem: expect.stringContaining('at character 9') as string });
    expect(callsOf(events)).toMatchObject([{ input: { path: 'b' } }]);
  });

  it('{#healing} closes nothing when the answer reached its limit of tokens', async () => {
    server.answer({ kind: 'say', calls: [{ name: 'look', args: '{"path":"a"' }], end: 'length' });
    expect((await ask())[0]).toMatchObject({ type: 'bad-call', problem: expect.stringContaining('limit of tokens') as string });
  });

  it('says why an answer ended: at its limit, or filtered', async () => {
    server.answer({ kind: 'say', text: 'On and', end: 'length' }, { kind: 'say', text: 'I', end: 'filter' });
    expect((await ask()).at(-1)).toMatchObject({ reason: 'length' });
    expect((await ask()).at(-1)).toMatchObject({ reason: 'filtered' });
  });

  it('gives an answer for which no usage is told', async () => {
    server.answer({ kind: 'say', text: 'ok', usage: false });
    expect(textOf(await ask()).join('')).toBe('ok');
  });

  it('passes on a call of an unknown tool, and sends its name back in a form that the API takes', async () => {
    server.answer({ kind: 'say', calls: [{ name: 'fly_to', args: '{"to":"moon"}' }] }, { kind: 'say', text: 'ok' });
    expect(callsOf(await ask())).toMatchObject([{ tool: 'fly_to', input: { to: 'moon' } }]);
    await ask({
      request: {
        ...REQUEST,
        messages: [
          ...REQUEST.messages,
          { role: 'assistant', text: '', calls: [{ id: 'c1', tool: 'fly to:moon', input: {} }] },
          { role: 'tool', callId: 'c1', tool: 'fly to:moon', text: 'no such tool' },
        ],
      },
    });
    expect(JSON.stringify(server.requests[1]!.body)).toContain('"fly_to_moon"');
  });
});

describe('{#providers} prompt caches', () => {
  const asked = async () => {
    const root = server.url.replace('/v1', '');
    const provider = createProviders({}, { ANTHROPIC_BASE_URL: root, ANTHROPIC_API_KEY: KEY }).find((one) => one.name === 'anthropic')!;
    const messages: ModelRequest['messages'] = [
      ...REQUEST.messages,
      { role: 'assistant', text: 'Looking.', calls: [{ id: 'c1', tool: 'look', input: { path: 'a' } }] },
      { role: 'tool', callId: 'c1', tool: 'look', text: 'three files' },
    ];
    const events: ModelEvent[] = [];
    for await (const event of provider.ask({ ...REQUEST, messages }, new AbortController().signal)) events.push(event);
    return events;
  };

  it('are marked for Anthropic behind the system text and the last two messages that it answers', async () => {
    server.answer({ kind: 'say', text: 'ok', cachedTokens: 50, writtenTokens: 20 });
    const events = await asked();
    const body = server.requests[0]!.body as unknown as { system: object[]; messages: { content: object[] }[] };
    expect(body.system.at(-1)).toMatchObject({ cache_control: { type: 'ephemeral' } });
    const marks = body.messages.map(({ content }) => JSON.stringify(content).includes('cache_control'));
    expect(marks).toEqual([true, false, true]);
    expect(events.at(-1)).toMatchObject({ usage: { inputTokens: 120, cachedTokens: 50, cacheWriteTokens: 20 } });
  });
});

describe('{#model_failure} what a provider says in the middle of its stream', () => {
  it('is an overload, told as one and tried again when nothing was said before it', async () => {
    const root = server.url.replace('/v1', '');
    const provider = createProviders({}, { ANTHROPIC_BASE_URL: root, ANTHROPIC_API_KEY: KEY }, { backoffMs: 1 }).find(
      (one) => one.name === 'anthropic',
    )!;
    const error = 'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n';
    server.answer({ kind: 'nonsense', body: error }, { kind: 'say', text: 'ok' });
    const events: ModelEvent[] = [];
    for await (const event of provider.ask(REQUEST, new AbortController().signal)) events.push(event);
    expect(events[0]).toMatchObject({ type: 'text' });
    expect(server.requests).toHaveLength(2);
  });
});
