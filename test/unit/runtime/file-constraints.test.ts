import { existsSync, readFileSync } from 'node:fs';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeFiles } from '../../support/project.ts';
import { type RuntimeHarness, runtimeHarness } from './harness.ts';

let h: RuntimeHarness;
beforeEach(async () => {
  h = await runtimeHarness();
  await writeFiles(h.root, {
    '.env': 'KEY=hunter2',
    'sub/.env': 'KEY=hunter3',
    'secrets/deep/key.pem': 'pem',
    'src/x.ts': 'x\n',
    'NOTES.md': '# Notes\n',
  });
  await symlink('../.env', join(h.root, 'src/link'));
  await symlink('secrets', join(h.root, 'open'));
});
afterEach(() => h.close());

const store = (params: object) => h.runtime.constrainFiles(h.caller(), params);
const patterns = (params: object = {}) => store(params).constraints.map(({ pattern, rule }) => `${rule} ${pattern}`);
const call = (name: string, input: object) => ({ name, args: JSON.stringify(input) });
const results = (request: number) =>
  h.model.requests[request]!.body.messages.filter(({ role }) => role === 'tool').map(({ content }) => String(content));
/** Results of the model's calls, each in a loop of its own: a failure stops the rest of a turn. */
async function called(...calls: ReturnType<typeof call>[]): Promise<string[]> {
  const texts: string[] = [];
  for (const one of calls) {
    h.model.answer({ kind: 'say', calls: [one] }, { kind: 'say', text: 'done' });
    await h.runtime.prompt(h.caller(), 'act', { prompt: 'x', model: 'm', wait: true, yolo: true });
    texts.push(results(h.model.requests.length - 1).at(-1)!);
  }
  return texts;
}

describe("{#files} the server's own data folder", () => {
  it('is out of reach where it lies in the project, by name, by listing, by link and for search', async () => {
    await writeFiles(h.root, { 'state/token': 'admin-token', 'state/deep/x': 'admin-token', 'src/y': 'no token here' });
    await symlink('../state/token', join(h.root, 'src/way'));
    await h.restart(undefined, undefined, { dataFolder: join(h.root, 'state') });
    const texts = await called(
      call('get', { path: 'file://state/token' }),
      call('get', { path: 'file://src/way' }),
      call('get', { path: 'file://state/**' }),
      call('set', { path: 'file://state/token', body: 'mine' }),
      call('mv', { path: 'file://state/token', to: 'file://stolen' }),
      call('search', { pattern: 'token' }),
    );
    expect(
      texts
        .slice(0, 2)
        .concat(texts.slice(3, 5))
        .every((text) => text.startsWith('[403 ')),
    ).toBe(true);
    expect(texts.join()).not.toContain('admin-token');
    expect(texts[5]).toContain('src/y:1:no token here');
    expect(readFileSync(join(h.root, 'state/token'), 'utf8')).toBe('admin-token');
  });
});

describe('{#file_constraints} store', () => {
  it('sets one rule a pattern, lists them, says which ones a file is under, and clears', () => {
    expect(patterns({ path: 'file://.env', ignore: true })).toEqual(['ignore .env']);
    expect(patterns({ path: 'secrets/', ignore: true })).toEqual(['ignore .env', 'ignore secrets']);
    expect(patterns({ path: '**/*.md', persist: true })).toEqual(['persist **/*.md', 'ignore .env', 'ignore secrets']);
    expect(patterns({ path: 'secrets', persist: true })).toContain('persist secrets');
    expect(patterns({ path: 'secrets', ignore: true })).toHaveLength(3);
    expect(patterns({ path: 'file://secrets/deep/key.pem' })).toEqual(['ignore secrets']);
    expect(patterns({ path: 'sub/.env' })).toEqual(['ignore .env']);
    expect(patterns({ path: 'secrets', clear: true })).toEqual(['persist **/*.md', 'ignore .env']);
    expect(patterns()).toEqual(['persist **/*.md', 'ignore .env']);
  });

  it('survives a restart', async () => {
    store({ path: '.env', ignore: true });
    await h.restart();
    expect(patterns()).toEqual(['ignore .env']);
  });

  it.each([
    [{ ignore: true }, 'invalid_params'],
    [{ path: 'a', ignore: true, persist: true }, 'invalid_params'],
    [{ path: '../x', ignore: true }, 'invalid_params'],
    [{ path: '/etc/x', ignore: true }, 'invalid_params'],
    [{ path: 'known://x', ignore: true }, 'invalid_params'],
    [{ path: '{a,b}'.repeat(7), ignore: true }, 'invalid_params'],
    [{ path: 'never', clear: true }, 'not_found'],
    [{ path: 'x', ignore: true, run: 'none' }, 'not_found'],
  ])('refuses %j', (params, kind) => {
    expect(() => store(params)).toThrow(expect.objectContaining({ kind }));
    expect(patterns()).toEqual([]);
  });
});

describe('{#file_constraints} an ignored file', () => {
  beforeEach(() => {
    store({ path: '.env', ignore: true });
    store({ path: 'secrets/**', ignore: true });
  });

  it('is neither read nor written by the model, by name, through a link, or in another guise, and it is told why', async () => {
    const texts = await called(
      call('get', { path: 'file://.env' }),
      call('get', { path: 'file://sub/../.env' }),
      call('get', { path: 'file://src/link' }),
      call('get', { path: 'file://sub/.env', match: 'KEY' }),
      call('get', { path: 'file://open/deep/key.pem' }),
      call('get', { path: 'file://open/' }),
      call('get', { path: 'file://secrets/**/*.pem' }),
      call('set', { path: 'file://.env', body: 'x' }),
      call('set', { path: 'file://src/link', body: 'x' }),
      call('set', { path: 'file://secrets/new', body: 'x' }),
      call('rm', { path: 'file://.env' }),
      call('mv', { path: 'file://.env', to: 'file://env.txt' }),
      call('cp', { path: 'file://.env', to: 'known://env' }),
      call('cp', { path: 'file://src/x.ts', to: 'file://secrets/x.ts' }),
    );
    for (const text of texts) {
      expect(text).toMatch(/^\[403 forbidden\] .* ignore rule "(\.env|secrets\/\*\*)"/);
      expect(text).not.toContain('hunter');
    }
    expect(readFileSync(join(h.root, '.env'), 'utf8')).toBe('KEY=hunter2');
    expect(existsSync(join(h.root, 'secrets/new'))).toBe(false);
  });

  it('is in no listing and no glob, and the listing says that something is left out', async () => {
    const [root, all] = await called(call('get', { path: 'file://' }), call('get', { path: 'file://**' }));
    expect(root).toMatch(/\[2 kept from you by the project\]$/);
    for (const text of [root, all]) expect(text).not.toMatch(/\.env|secrets|key\.pem/);
  });

  it('is not written by an accept that comes after the rule', async () => {
    h.model.answer({ kind: 'say', calls: [call('set', { path: 'file://src/x.ts', body: 'y' })] }, { kind: 'say', text: 'done' });
    await h.runtime.prompt(h.caller(), 'act', { prompt: 'x', model: 'm' });
    const { payload } = await h.event('run/proposal');
    store({ path: 'src', ignore: true });
    expect(h.runtime.resolve(h.caller(), 'm-1', { path: String(payload['path']), action: 'accept' }).status).toBe(500);
    expect(readFileSync(join(h.root, 'src/x.ts'), 'utf8')).toBe('x\n');
  });

  it('can be read again once the rule is cleared', async () => {
    store({ path: '.env', clear: true });
    expect(await called(call('get', { path: 'file://.env' }))).toEqual(['KEY=hunter2']);
  });
});

describe('{#file_constraints} {#context_record} a persisted file', () => {
  const last = () => String(h.model.requests.at(-1)!.body.messages.at(-1)!.content);
  const ask = () => {
    h.model.answer({ kind: 'say', text: 'ok' });
    return h.runtime.prompt(h.caller(), 'ask', { prompt: 'x', model: 'm', wait: true });
  };
  /** The texts that the record of a turn names, read back. */
  const recorded = (run: string, turn: number) =>
    h.runtime
      .context(h.sight, run, { turn })
      .pieces.flatMap(({ path, from, to }) => (path?.startsWith('prompt://files/') ? [{ path, from, to }] : []))
      .map(({ path, from, to }) => Buffer.from(h.entry(run, path).body).subarray(from, to).toString('utf8'));

  it('is shown last in every turn, as it is then, and the record of the turn says which bytes these were', async () => {
    store({ path: 'NOTES.md', persist: true });
    h.model.answer({ kind: 'say', calls: [call('set', { path: 'file://NOTES.md', body: '# New\n' })] }, { kind: 'say', text: 'ok' });
    await h.runtime.prompt(h.caller(), 'act', { prompt: 'x', model: 'm', wait: true, yolo: true });
    const shown = h.model.requests.map(({ body }) => String(body.messages.at(-1)!.content));
    expect(shown).toEqual(['[file://NOTES.md, as it is now: 8 bytes]\n# Notes\n', '[file://NOTES.md, as it is now: 6 bytes]\n# New\n']);
    expect(recorded('m-1', 1)).toEqual([shown[0]]);
    expect(recorded('m-1', 2)).toEqual([shown[1]]);
  });

  it('is bounded, and what there is no room for is named', async () => {
    const line = `${'x'.repeat(99)}\n`;
    await writeFiles(h.root, { 'big/a': line.repeat(1000), 'big/b': line.repeat(1000), 'big/c': 'c', 'big/d.bin': Buffer.from([0]) });
    store({ path: 'big/**', persist: true });
    await ask();
    const packet = h.model.requests.at(-1)!.body.messages.map(({ content }) => String(content));
    expect(packet.join('').length).toBeLessThan(80_000);
    expect(packet.find((text) => text.startsWith('[file://big/a'))).toMatch(
      /the first \d+ bytes of it; read on with get \{"path": "file:\/\/big\/a", "line": 328\}\]$/,
    );
    expect(last()).toMatch(/more files are to be shown.*read them with get\]$/);
  });

  it('that is not there, or not to be read, stops no turn', async () => {
    store({ path: 'gone.md', persist: true });
    store({ path: 'NOTES.md', ignore: true });
    store({ path: '*.md', persist: true });
    expect(await ask()).toMatchObject({ status: 200 });
    expect(h.model.requests[0]!.body.messages.map(({ content }) => String(content)).join('')).not.toContain('# Notes');
  });

  it('is not shown with noRepo', async () => {
    store({ path: 'NOTES.md', persist: true });
    h.model.answer({ kind: 'say', text: 'ok' });
    await h.runtime.prompt(h.caller(), 'ask', { prompt: 'x', model: 'm', wait: true, noRepo: true });
    expect(last()).toBe('x');
  });
});
