import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type BuiltServer, type Params, serve, WireClient } from '../support/built-server.ts';
import { type Answer, type OpenAiServer, openAiServer, type WireCall } from '../support/openai-server.ts';
import { tempFolder } from '../support/temp-store.ts';

const KEY = 'sk-test-0815';

let models: OpenAiServer;
let server: BuiltServer;
let root = '';
let remove = async () => {};
let client: WireClient;

beforeAll(async () => {
  const temp = await tempFolder();
  remove = temp.remove;
  root = join(temp.folder, 'project');
  await mkdir(root);
  models = await openAiServer();
  const config = join(temp.folder, 'headgate.yaml');
  await writeFile(
    config,
    `providers:
  house: {kind: anthropic, baseUrl: "${models.url}", apiKeyEnv: HOUSE_KEY}
  plain: {baseUrl: "${models.url}", dialect: xml}
  keyless: {kind: openai, baseUrl: "${models.url}", apiKeyEnv: NOT_THERE}
limits: {turns: 8, repeats: 2, strikes: 3}
`,
  );
  server = await serve(join(temp.folder, 'data'), ['--config', config, '--log-level', 'debug'], {
    HEADGATE_OPENAI_BASE_URL: models.url,
    OPENAI_BASE_URL: models.url,
    OPENAI_API_KEY: KEY,
    ANTHROPIC_BASE_URL: models.url.replace('/v1', ''),
    ANTHROPIC_API_KEY: KEY,
    HOUSE_KEY: KEY,
  });
  const setup = await WireClient.connect(server, root, 'setup');
  for (const provider of ['openai-compatible', 'openai', 'anthropic', 'house', 'plain', 'keyless'])
    await setup.call('addModel', { alias: provider, actual: 'test-model', provider });
  await setup.call('addModel', { alias: 'tags', actual: 'test-model', provider: 'anthropic', dialect: 'xml' });
  await setup.close();
}, 60_000);

afterAll(async () => {
  await server.stop();
  await models.close();
  await remove();
});

beforeEach(async () => {
  client = await WireClient.connect(server, root, 'editor');
});
afterEach(() => client.close());

/** The same calls as the API's own, or as tags in the text. */
function calling(xml: boolean, text: string, calls: readonly WireCall[]): Answer {
  if (!xml) return { kind: 'say', text, calls, interleaved: true, held: true };
  const tags = calls.map(({ name, args }) => `<${name}>${args}</${name}>`).join('\n');
  return { kind: 'say', text: `${text}\n${tags}`, held: true };
}

const call = (name: string, input: object): WireCall => ({ name, args: JSON.stringify(input) });
const sent = (request: number) => JSON.stringify(models.requests[request]!.body);

describe('{#providers} {#model_stream} a whole run through the built server', () => {
  it.each(['openai-compatible', 'openai', 'anthropic', 'house', 'plain', 'tags'])('over %s', async (model) => {
    const first = models.requests.length;
    const other = await WireClient.connect(server, root, 'other');
    models.answer(
      calling(model === 'plain' || model === 'tags', 'Looking at ü.', [
        call('set', { path: 'known://a', body: 'one' }),
        call('set', { path: 'known://b', body: 'two' }),
        call('sh', { command: 'echo from-the-command' }),
      ]),
      { kind: 'say', text: 'It said from-the-command.' },
    );
    const { run } = await client.call<{ run: string }>('act', { prompt: 'Go.', model });

    // The text is there while the model goes on: the rest of its answer has not been sent.
    await other.notice('run/text', (said) => said['run'] === run);
    expect(client.notices.some(({ method, params }) => method === 'run/progress' && params['phase'] === 'dispatching')).toBe(false);
    models.release();

    const { path } = await client.notice('run/proposal', (proposal) => proposal['run'] === run);
    await client.call('run/resolve', { run, resolution: { path, action: 'accept' } });
    const end = await client.notice('run/state', (state) => state['run'] === run && state['result'] !== undefined);
    expect(end).toMatchObject({ status: 200, result: 'It said from-the-command.' });

    const progress = await client.notice('run/progress', (one) => one['run'] === run && one['phase'] === 'dispatching');
    expect(spoken(other, run, 1).trim()).toBe(String(progress['text']).trim());
    expect(spoken(client, run, 1)).toBe(spoken(other, run, 1));
    expect(spoken(client, run, 2)).toBe('It said from-the-command.');
    expect(await client.call('get', { run, path: 'known://b' })).toMatchObject({ body: 'two' });
    // The next request has the calls and what came of them.
    expect(sent(first + 1)).toContain('from-the-command');
    expect(sent(first + 1)).toContain('known://b holds 3 bytes now.');
    await other.close();
  });

  /** The text of a turn as it was told; throws on a gap. */
  function spoken(of: WireClient, run: string, turn: number): string {
    let text = '';
    for (const { method, params } of of.notices) {
      if (method !== 'run/text' || params['run'] !== run || params['turn'] !== turn) continue;
      if (params['offset'] === 0) text = '';
      expect(params['offset']).toBe(Buffer.byteLength(text));
      text += String(params['text']);
    }
    return text;
  }

  it('tells a subscription of one run of that run alone, and stores nothing of it', async () => {
    models.answer({ kind: 'say', text: 'First.' }, { kind: 'say', text: 'Second.' });
    const { run: a } = await client.call<{ run: string }>('startRun', { model: 'openai' });
    const { run: b } = await client.call<{ run: string }>('startRun', { model: 'openai' });
    const { subscription } = await client.call<{ subscription: number }>('subscribe', { run: b });
    await client.call('act', { prompt: 'x', run: a, wait: true });
    await client.call('act', { prompt: 'x', run: b, wait: true });
    const texts = client.notices.filter(({ method }) => method === 'run/text').map(({ params }) => params);
    expect(texts.map(({ run, text }) => [run, text])).toEqual([[b, 'Second.']]);
    expect(texts[0]).toEqual({ subscription, run: b, turn: 1, offset: 0, text: 'Second.' });
    const late = await WireClient.connect(server, root, 'late');
    const replay = await late.call<Params>('subscribe', { run: b, since: 0 });
    await late.notice('replay/synced', (synced) => synced['subscription'] === replay['subscription']);
    expect(late.notices.map(({ method }) => method)).not.toContain('run/text');
    await late.close();
  });

  it('{#models} says of every model how it is asked, and of one that cannot be what is missing', async () => {
    const dialects = (await client.call<{ alias: string; provider: string; dialect: string }[]>('getModels')).map(
      ({ alias, provider, dialect }) => [alias, provider, dialect],
    );
    expect(dialects).toContainEqual(['plain', 'plain', 'xml']);
    expect(dialects).toContainEqual(['tags', 'anthropic', 'xml']);
    expect(dialects).toContainEqual(['openai', 'openai', 'native']);
    const { model } = await client.call<{ model: { problem?: string } }>('run/validate', { prompt: 'x', model: 'keyless' });
    expect(model).toMatchObject({ provider: 'keyless', problem: expect.stringContaining('NOT_THERE') as string });
    expect((await client.call<{ model: Params }>('run/validate', { prompt: 'x', model: 'openai' })).model).not.toHaveProperty('problem');
  });
});

describe('{#model_failure} {#model_retry} a model that does not answer, through the built server', () => {
  const failed = async (model: string): Promise<{ outcome: unknown; body: string; attributes: Params }> => {
    const { run, status, outcome } = await client.call<Params>('act', { prompt: 'x', model, wait: true });
    expect(status).toBe(500);
    const [entry] = await client.call<{ body: string; attributes: Params }[]>('getEntries', {
      run,
      pattern: 'log://*/model/error',
      body: true,
    });
    return { outcome, body: entry!.body, attributes: entry!.attributes };
  };

  it.each(['openai-compatible', 'openai', 'anthropic'])(
    'over %s: a wait that is too long, a cut, a context that is too long, a filtered answer',
    async (model) => {
      models.answer(
        { kind: 'status', status: 429, headers: { 'retry-after': '3600' } },
        { kind: 'cut', text: 'Half', call: { name: 'sh', args: '{"command":"rm' } },
        { kind: 'too-long' },
        { kind: 'say', text: '', end: 'filter' },
      );
      expect(await failed(model)).toMatchObject({
        outcome: 'model_http',
        body: expect.stringMatching(/until \d{4}-/) as string,
        attributes: { http_status: 429, retry_after_ms: 3_600_000 },
      });
      expect(await failed(model)).toMatchObject({ outcome: 'model_cut' });
      expect(await failed(model)).toMatchObject({ outcome: 'model_context' });
      expect(await failed(model)).toMatchObject({ outcome: 'model_filtered' });
      expect(server.log()).not.toContain(KEY);
    },
  );

  it('over a provider without its key says which variable to set, and asks nobody', async () => {
    const before = models.requests.length;
    expect(await failed('keyless')).toMatchObject({ outcome: 'model_config', body: expect.stringContaining('NOT_THERE') as string });
    expect(models.requests).toHaveLength(before);
  });

  it('says in its result that an answer was cut off at its limit', async () => {
    models.answer({ kind: 'say', text: 'On and on', end: 'length' });
    const { result } = await client.call<{ result: string }>('act', { prompt: 'x', model: 'openai', wait: true });
    expect(result).toMatch(/^On and on\n\n\[cut off: .*limit/);
  });

  it('{#environment} does not give its keys to commands', async () => {
    models.answer({ kind: 'say', calls: [call('sh', { command: 'env' })] }, { kind: 'say', text: 'ok' });
    const { run } = await client.call<{ run: string }>('act', { prompt: 'x', model: 'openai', wait: true, yolo: true });
    expect(models.requests.at(-1) && sent(models.requests.length - 1)).not.toContain(KEY);
    expect(run).toBeDefined();
  });
});

describe('{#healing} {#actions} bad calls, through the built server', () => {
  it.each(['openai-compatible', 'openai', 'anthropic'])('over %s are mended and said to be, or reported', async (model) => {
    const first = models.requests.length;
    models.answer(
      { kind: 'say', calls: [{ name: 'Set', args: "{'path': 'known://x', 'body': 'y',}" }] },
      { kind: 'say', calls: [{ name: 'set', args: '{"path": "known://z", "body": "cut' }] },
      { kind: 'say', calls: [call('sett', { path: 'known://z', body: '' })] },
      { kind: 'say', text: 'Done.' },
    );
    const { run } = await client.call<{ run: string }>('act', { prompt: 'x', model, wait: true });
    const entries = await client.call<{ path: string; status: number; outcome: string; attributes: Params }[]>('getEntries', {
      run,
      pattern: 'log://**',
    });
    const actions = entries.filter(({ attributes }) => attributes['call_id'] !== undefined);
    expect(actions.map(({ status, outcome }) => [status, outcome])).toEqual([
      [200, null],
      [422, 'bad_call'],
      [404, 'no_tool'],
    ]);
    expect(actions[0]?.attributes['repaired']).toEqual(expect.arrayContaining(['read the tool "Set" as "set"']));
    expect(sent(first + 1)).toContain('your call was repaired');
    expect(sent(first + 2)).toContain('middle of a string');
    expect(sent(first + 3)).toContain('Did you mean \\"set\\"');
  });
});

describe('{#loop_limits} limits of the configuration, through the built server', () => {
  const outcome = async (model: string): Promise<unknown> =>
    (await client.call<Params>('act', { prompt: 'x', model, wait: true }))['outcome'];
  const get = (path: string): Answer => ({ kind: 'say', calls: [call('get', { path })] });

  it('end a loop that goes round between two turns', async () => {
    models.answer(get('known://'), get('prompt://'), get('known://'), get('prompt://'));
    expect(await outcome('openai')).toBe('repeated');
  });

  it('end a loop whose actions fail, and one that takes too many turns', async () => {
    models.answer(
      { kind: 'say', calls: [call('fly', { to: 1 })] },
      { kind: 'say', calls: [call('fly', { to: 2 })] },
      { kind: 'say', calls: [call('fly', { to: 3 })] },
    );
    expect(await outcome('anthropic')).toBe('strikes');
    models.answer(
      ...Array.from({ length: 8 }, (_, index): Answer => ({ kind: 'say', calls: [call('set', { path: `known://n${index}`, body: '' })] })),
    );
    expect(await outcome('openai-compatible')).toBe('turns');
  });

  it('{#loop_end} refuse the end that a turn with a failure claims', async () => {
    models.answer(
      { kind: 'say', calls: [call('update', { status: 200, text: 'All done.' }), call('fly', {})] },
      { kind: 'say', text: 'It failed.' },
    );
    expect((await client.call<Params>('act', { prompt: 'x', model: 'openai', wait: true }))['result']).toBe('It failed.');
  });
});
