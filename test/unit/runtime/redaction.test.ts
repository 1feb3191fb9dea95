import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Plugin } from '../../../src/hooks/plugin.ts';
import { bundledPlugins } from '../../../src/plugins/index.ts';
import { stars, TOKENS } from '../../support/secrets.ts';
import { type RuntimeHarness, runtimeHarness } from './harness.ts';

const { public: shown, secret } = TOKENS[0]!;

let h: RuntimeHarness;
beforeEach(async () => {
  h = await runtimeHarness();
});
afterEach(() => h.close());

const results = (request: number) =>
  h.model.requests[request]!.body.messages.filter(({ role }) => role === 'tool').map(({ content }) => String(content));

describe('{#redaction} the model', () => {
  it('is shown no secret in output, in what get answers and in the echo of a command line; a prompt is sent as it is', async () => {
    const token = shown + secret;
    const read = JSON.stringify({ path: 'sh://turn_1/printf-s-n-ghp_1' });
    h.model.answer(
      { kind: 'say', calls: [{ name: 'sh', args: JSON.stringify({ command: `printf '%s\\n' ${token}` }) }] },
      { kind: 'say', calls: [{ name: 'get', args: '{"path":"sh://"}' }] },
      { kind: 'say', calls: [{ name: 'get', args: read }] },
      { kind: 'say', text: 'ok' },
    );
    await h.runtime.prompt(h.caller(), 'act', { prompt: `use ${token}`, model: 'm', wait: true, yolo: true });
    const output = results(1)[0] ?? '';
    expect(output).toContain(`\n${shown}${stars(secret)}`);
    expect(results(3)[2]).toContain(`${shown}${stars(secret)}`);
    for (const text of results(3)) expect(text).not.toContain(secret.slice(4, 12));
    expect(results(2)[1]).not.toContain(secret.slice(4, 12).toLowerCase());
    expect(JSON.stringify(h.model.requests[0]!.body.messages)).toContain(`use ${token}`);
  });
});

describe('{#redaction} {#file_edits} a file with a secret', () => {
  it('is not written with the stars that were shown in its place, by a model or a client; its other lines are changed', async () => {
    const token = shown + secret;
    const path = 'file://settings.conf';
    await writeFile(join(h.root, 'settings.conf'), `port=80\nkey=${token}\n`);
    const set = (input: object) => ({ name: 'set', args: JSON.stringify({ path, ...input }) });
    h.model.answer(
      { kind: 'say', calls: [{ name: 'get', args: JSON.stringify({ path }) }] },
      { kind: 'say', calls: [set({ body: `port=8080\nkey=${shown}${stars(secret)}\n` })] },
      { kind: 'say', calls: [set({ edits: [{ old: 'port=80', new: 'port=8080' }] })] },
      { kind: 'say', text: 'ok' },
    );
    await h.runtime.prompt(h.caller(), 'act', { prompt: 'x', model: 'm', wait: true, yolo: true });
    expect(results(1)[0]).toContain(`key=${shown}${stars(secret)}`);
    expect(results(2)[1]).toMatch(/^\[409 .*line 2 of the text has stars where settings\.conf has a secret/s);
    expect(await readFile(join(h.root, 'settings.conf'), 'utf8')).toBe(`port=8080\nkey=${token}\n`);
    const client = h.runtime.files.set(h.caller(), 'm-1', { path, body: `key=${shown}${stars(secret)}\n` });
    await expect(client).rejects.toMatchObject({ kind: 'conflict' });
  });
});

describe('{#redaction_plugins} a plugin', () => {
  const started = async (pattern: string) => {
    const plugin: Plugin = { name: 'acme', setup: (context) => context.secrets({ name: 'Acme', pattern }) };
    await h.close();
    h = await runtimeHarness({ bundled: [...bundledPlugins, plugin] });
  };

  it('has another shape masked for the model', async () => {
    await started('acme_[a-z0-9]{12}');
    h.model.answer(
      { kind: 'say', calls: [{ name: 'sh', args: JSON.stringify({ command: "printf 'it is acme_%s\\n' 0123456789ab" }) }] },
      { kind: 'say', text: 'ok' },
    );
    await h.runtime.prompt(h.caller(), 'act', { prompt: 'go', model: 'm', wait: true, yolo: true });
    expect(results(1)[0]).toContain('it is acme_************\n');
  });

  it('whose pattern could take long is left out, and the log says what to write instead', async () => {
    await started('(a+)+$');
    expect(h.runtime.plugins().at(-1)?.error).toMatch(/the pattern of secret "Acme".*such as acme_/);
  });
});

describe('{#redaction} a prompt', () => {
  it('is told without a secret, also one whose beginning is no longer in it', async () => {
    await h.close();
    h = await runtimeHarness({ quietMs: 60 });
    h.runtime.startRun(h.caller(), { model: 'm', alias: 'r' });
    const jwt = TOKENS.find(({ name }) => name === 'JWT')!;
    const long = `${jwt.public}${jwt.secret}${'A1b2'.repeat(60)}`;
    const { path } = await h.runtime.command(h.caller(), 'sh', {
      run: 'r',
      command: `printf '%s %s ok? ' ${long} "$MY_TOKEN" >&2; read -r x`,
      env: { MY_TOKEN: 'a-token-of-my-own' },
    });
    h.runtime.resolve(h.caller(), 'r', { path, action: 'accept' });
    const { payload } = await h.event('stream/waiting', { path });
    expect(payload['prompt']).toMatch(/^\*+ \*{17} ok\?$/);
    h.streams.cancel(h.runtime.requireRun(h.sight, 'r').id, path, { by: 'a', reason: null });
    await h.event('stream/ended', { path });
  });
});
