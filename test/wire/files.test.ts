import { chmod, mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ResultOf } from '../../src/rpc/protocol/table.ts';
import type { WireClient } from '../support/built-server.ts';
import { READ_TOKEN, startHeadgate, startServer } from '../support/server.ts';

let headgate: Awaited<ReturnType<typeof startHeadgate>>;
let client: WireClient;
const run = 'r';
beforeAll(async () => {
  headgate = await startHeadgate();
  client = await headgate.connect();
  await client.call('startRun', { model: 'scripted', alias: run });
  await mkdir(join(headgate.root, 'src'));
  await writeFile(join(headgate.root, 'src/x.ts'), 'a\nb\nc\n');
  await writeFile(join(headgate.root, 'bin'), Buffer.from([0xff, 0]));
});
afterAll(() => headgate.close());

const get = (path: string, more: object = {}) => client.call<ResultOf<'get'>>('get', { run, path, ...more });
const refused = (work: Promise<unknown>, name: string) => expect(work).rejects.toMatchObject({ data: { name } });

describe('{#files} files over the wire', () => {
  it('are read whole, by lines from the front and the end, as bytes, and listed', async () => {
    expect(await get('file://src/x.ts')).toMatchObject({
      body: 'a\nb\nc\n',
      bytes: 6,
      lines: 3,
      category: 'file',
      scheme: 'file',
      status: 200,
    });
    expect(await get('file://src/x.ts', { line: -1 })).toMatchObject({ body: 'c\n', line: 3 });
    expect(await get('file://src/x.ts', { line: 1, limit: 1 })).toMatchObject({ body: 'a\n', truncated: true });
    expect(await get('file://bin')).toMatchObject({ encoding: 'base64', body: '/wA=' });
    expect(await get('file://')).toMatchObject({ body: 'file://bin\nfile://src/\n', attributes: { kind: 'folder' } });
    expect(await get('file://**/*.ts')).toMatchObject({ body: 'file://src/x.ts\n', attributes: { kind: 'glob' } });
    await refused(get('file://nope'), 'not_found');
    await refused(get('file://src/x.ts', { line: 0 }), 'invalid_params');
    await refused(get('file://src/x.ts', { channel: 1 }), 'invalid_params');
    await refused(client.call('get', { run: 'nobody', path: 'file://bin' }), 'not_found');
  });

  it('are written, moved, copied and removed at once, keeping what they are', async () => {
    await chmod(join(headgate.root, 'src/x.ts'), 0o750);
    expect(await client.call('set', { run, path: 'file://src/x.ts', body: 'new\n' })).toMatchObject({
      body: 'new\n',
      attributes: { mode: '750' },
    });
    expect((await stat(join(headgate.root, 'src/x.ts'))).mode & 0o777).toBe(0o750);
    await client.call('cp', { run, path: 'file://src/x.ts', to: 'file://deep/copy.ts' });
    await client.call('mv', { run, path: 'file://deep/copy.ts', to: 'file://moved.ts' });
    expect(await readFile(join(headgate.root, 'moved.ts'), 'utf8')).toBe('new\n');
    await refused(client.call('cp', { run, path: 'file://src/x.ts', to: 'file://moved.ts' }), 'conflict');
    expect(await client.call('rm', { run, path: 'file://moved.ts' })).toEqual({ ok: true });
    await refused(client.call('rm', { run, path: 'file://moved.ts' }), 'not_found');
    await refused(client.call('set', { run, path: 'file://src/x.ts', visibility: 'archived' }), 'invalid_params');
  });

  it('and entries take the text of each other, where nothing is yet', async () => {
    await writeFile(join(headgate.root, 'note.md'), 'a note\n');
    expect(await client.call('cp', { run, path: 'file://note.md', to: 'known://note' })).toMatchObject({
      path: 'known://note',
      body: 'a note\n',
    });
    expect(await client.call('mv', { run, path: 'known://note', to: 'file://notes/n.md' })).toMatchObject({ body: 'a note\n' });
    await refused(get('known://note'), 'not_found');
    await refused(client.call('cp', { run, path: 'file://note.md', to: 'log://turn_1/x' }), 'forbidden');
    await refused(client.call('cp', { run, path: 'file://bin', to: 'known://bin' }), 'unsupported');
    await refused(client.call('mv', { run, path: 'file://nope', to: 'known://nope' }), 'not_found');
    await refused(client.call('mv', { run, path: 'known://nope', to: 'file://nope' }), 'not_found');
    await client.call('set', { run, path: 'known://taken', body: 'mine' });
    await refused(client.call('mv', { run, path: 'file://note.md', to: 'known://taken' }), 'conflict');
    await refused(client.call('mv', { run, path: 'known://taken', to: 'file://note.md' }), 'conflict');
    expect(await readFile(join(headgate.root, 'note.md'), 'utf8')).toBe('a note\n');
    expect(await client.call('mv', { run, path: 'file://note.md', to: 'known://moved' })).toMatchObject({ body: 'a note\n' });
    await refused(get('file://note.md'), 'not_found');
  });

  it('outside the project are out of reach, for reading and for writing', async () => {
    await symlink('/etc', join(headgate.root, 'etc'));
    for (const path of ['file://../x', 'file:///etc/passwd', 'file://etc/passwd', 'file://.git/config']) {
      await refused(get(path), 'forbidden');
      await refused(client.call('set', { run, path, body: 'x' }), 'forbidden');
    }
  });

  it('take a token of scope run to be read: a connection names the folder of its project itself', async () => {
    const server = await startServer();
    try {
      const reader = await server.connect({ token: READ_TOKEN });
      const params = { run: server.parts.run.alias, path: 'file://headgate.db' };
      await refused(reader.call('get', params), 'forbidden');
      await refused(reader.call('set', { ...params, body: '' }), 'forbidden');
      await refused(reader.call('store', {}), 'forbidden');
    } finally {
      await server.close();
    }
  });
});

describe('{#file_constraints} store over the wire', () => {
  it('sets, lists and clears, and holds for clients as for the model', async () => {
    await writeFile(join(headgate.root, '.env'), 'KEY=1');
    expect(await client.call('store', { path: 'file://.env', ignore: true })).toMatchObject({
      ok: true,
      constraints: [{ pattern: '.env', rule: 'ignore' }],
    });
    await refused(get('file://.env'), 'forbidden');
    await refused(client.call('set', { run, path: 'file://.env', body: '' }), 'forbidden');
    expect((await get('file://')).body).not.toContain('.env');
    const other = await headgate.connect();
    expect(await other.call('store', {})).toMatchObject({ constraints: [{ pattern: '.env' }] });
    expect(await other.call('store', { path: '.env', clear: true })).toEqual({ ok: true, constraints: [] });
    expect((await get('file://.env')).body).toBe('KEY=1');
  });
});

describe('{#file_edits} a change that a model proposes', () => {
  it('is seen by every client with its diff, answered once, and written', async () => {
    await writeFile(
      join(headgate.root, 'change.yaml'),
      'steps:\n  - calls: [{tool: set, input: {path: "file://src/x.ts", body: "changed\\n"}}]\n  - say: done\n',
    );
    await client.call('addModel', { alias: 'scripted-edit', actual: 'change.yaml', provider: 'scripted' });
    const other = await headgate.connect();
    for (const one of [client, other]) await one.call('subscribe', {});
    await client.call('act', { prompt: 'x', model: 'scripted-edit', run });
    const isEdit = (params: Record<string, unknown>) => String(params['summary']).startsWith('edit src/x.ts');
    const [proposal] = await Promise.all([client.notice('run/proposal', isEdit), other.notice('run/proposal', isEdit)]);
    expect(proposal).toMatchObject({ attributes: { diff: expect.stringContaining('+changed') as string } });
    const resolution = { path: proposal['path'], action: 'accept' };
    const answers = await Promise.allSettled([client, other].map((one) => one.call('run/resolve', { run, resolution })));
    expect(answers.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(await readFile(join(headgate.root, 'src/x.ts'), 'utf8')).toBe('changed\n');
  });
});
