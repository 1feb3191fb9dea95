import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WireClient } from '../support/built-server.ts';
import { LiveServer } from '../support/live-server.ts';
import { type OpenAiServer, openAiServer } from '../support/openai-server.ts';

const KEY = 'lab-key-4711-of-nobody';

describe('{#providers} {#models} a model that is added with its address', () => {
  const live = new LiveServer();
  let talker: OpenAiServer;
  let client: WireClient;

  beforeAll(async () => {
    talker = await openAiServer();
    Object.assign(live.env, { LAB_KEY: KEY });
    await live.open();
    client = await live.client('adds');
  });
  afterAll(async () => {
    await live.close();
    await talker.close();
  });

  const add = (alias: string, more: object = {}) =>
    client.call<{ alias: string; problem?: string }>('addModel', { alias, actual: 'm', baseUrl: talker.url, ...more });
  const providerOf = async (alias: string) =>
    (await client.call<{ alias: string; provider: string }[]>('getModels')).find((one) => one.alias === alias)?.provider;

  it('is asked there at once, and again after a restart; its key is in no file and no command inherits its variable', async () => {
    expect(await add('lab', { apiKeyEnv: 'LAB_KEY' })).toEqual({ alias: 'lab' });
    talker.answer({ kind: 'say', text: 'Here.' }, { kind: 'say', text: 'Here again.' });
    const asked = await client.call<{ status: number }>('act', { prompt: 'hello', model: 'lab', wait: true });
    expect(asked).toMatchObject({ status: 200 });
    const file = readFileSync(join(live.data, 'providers.json'), 'utf8');
    expect(file).toContain('LAB_KEY');
    expect(file).not.toContain(KEY);
    await live.server.crash();
    await live.start();
    client = await live.client('adds');
    expect(await client.call('act', { prompt: 'hello', model: 'lab', wait: true })).toMatchObject({ status: 200 });
    const { run } = await client.call<{ run: string }>('startRun', { model: 'scripted' });
    const { path } = await client.call<{ path: string }>('sh', { run, command: 'echo "key=${LAB_KEY-none}"' });
    await client.call('run/resolve', { run, resolution: { path, action: 'accept' } });
    await expect
      .poll(async () => (await client.call<{ chunk: string }>('stream/read', { run, path, channel: 1 })).chunk)
      .toBe('key=none\n');
  });

  it('shares the provider of one with the same address, key and API, and no other', async () => {
    await add('again', { apiKeyEnv: 'LAB_KEY' });
    await add('open');
    expect(await providerOf('again')).toBe(await providerOf('lab'));
    expect(await providerOf('open')).not.toBe(await providerOf('lab'));
  });

  it('is refused with a key in the address, a key in place of its variable, and an API that does not exist', async () => {
    for (const wrong of [
      { baseUrl: 'http://me:secret@127.0.0.1:1/v1' },
      { baseUrl: 'file:///etc/passwd' },
      { apiKeyEnv: 'sk-123' },
      { provider: 'ollama' },
    ])
      await expect(add('wrong', wrong), JSON.stringify(wrong)).rejects.toMatchObject({ data: { name: 'invalid_params' } });
  });

  it('says what is missing where the variable of its key is not set', async () => {
    expect(await add('keyless', { apiKeyEnv: 'LAB_KEY_THAT_IS_MISSING' })).toMatchObject({
      problem: expect.stringContaining('LAB_KEY_THAT_IS_MISSING') as string,
    });
  });
});
