import { chmod, mkdir, rename, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type BuiltServer, endCommands, processesWith, serve, WireClient } from '../support/built-server.ts';
import { cli } from '../support/cli.ts';
import { serviceAvailable } from '../support/require.ts';
import { tempFolder } from '../support/temp-store.ts';

let folder: string;
let data: string;
let remove: () => Promise<void>;
let server: BuiltServer | undefined;

beforeEach(async () => {
  ({ folder, remove } = await tempFolder());
  data = join(folder, 'data');
});
afterEach(async () => {
  if (server) {
    await endCommands(server, folder);
    await server.stop();
  }
  server = undefined;
  await remove();
});

interface Report {
  readonly ok: boolean;
  readonly backup?: string;
  readonly checks: { readonly name: string; readonly state: string; readonly detail: string }[];
}

async function doctor(...args: string[]): Promise<{ code: number | null; report: Report; told: (name: string) => string[] }> {
  const { code, out } = await cli(['doctor', '--json', '--data', data, ...args], { cwd: folder });
  const report = JSON.parse(out) as Report;
  const told = (name: string) => report.checks.filter((one) => one.name === name).map(({ state, detail }) => `${state}: ${detail}`);
  return { code, report, told };
}

const modeOf = async (name: string) => ((await stat(join(data, name))).mode & 0o777).toString(8);

describe('{#cli_doctor} headgate doctor on the backends', () => {
  it('says what can be run here, and why not, without failing for what is not needed', async () => {
    const { code, told } = await doctor();
    expect(code).toBe(0);
    expect(told('commands')).toEqual([expect.stringMatching(/^ok: /)]);
    const [sandbox] = told('sandbox');
    if (serviceAvailable('bwrap')) expect(sandbox).toMatch(/^ok: bubblewrap \d.*, \/.*bwrap$/);
    else expect(sandbox).toMatch(/^note: .+/);
  });
});

describe('{#cli_doctor} headgate doctor on an installation', () => {
  it('says whether what the server was told of a proxy fits together, its version, and whether the clock can be right', async () => {
    server = await serve(data, ['--public-url', 'http://headgate.example/', '--allow-origin', 'https://other.example/page']);
    const wrong = await doctor();
    expect(wrong.code).toBe(1);
    expect(wrong.told('proxy')).toEqual([
      expect.stringMatching(/^bad: --allow-origin https:\/\/other.example\/page matches no page/),
      expect.stringMatching(/^bad: --public-url .* is not https/),
      expect.stringMatching(/^note: --public-url without --trusted-proxy/),
    ]);
    expect(wrong.told('version')).toEqual([expect.stringMatching(/^ok: \d/)]);
    await server.stop();
    server = await serve(data, ['--public-url', 'https://headgate.example/', '--trusted-proxy', '127.0.0.1']);
    const right = await doctor();
    expect(right.told('proxy')).toEqual(['ok: https://headgate.example/, behind 127.0.0.1']);
    expect(right.told('clock')).toEqual([expect.stringMatching(/^ok: /)]);
    await server.stop();
    const ahead = new Date(Date.now() + 3_600_000);
    await utimes(join(data, 'headgate.db'), ahead, ahead);
    expect((await doctor()).told('clock')).toEqual([expect.stringMatching(/^bad: the clock is .* behind the last change/)]);
  });
});

describe('{#doctor_repair} headgate doctor on a data folder', () => {
  it('finds all well after an orderly stop', async () => {
    server = await serve(data);
    await server.stop();
    const { code, report, told } = await doctor();
    expect({ code, ok: report.ok }).toEqual({ code: 0, ok: true });
    expect(told('database')).toEqual(['ok: integrity, schema, references, channels and their segments, states of entries']);
    expect(told('permissions')).toEqual(['ok: folder and files are private']);
    expect(told('spool')).toEqual(['ok: 0 live producers, each with its folder']);
    expect(report.checks.some(({ state }) => state === 'bad')).toBe(false);
  });

  it('looks from outside only while a server runs on it, and does not disturb it', async () => {
    server = await serve(data);
    const { code, told } = await doctor('--repair');
    expect(code).toBe(0);
    expect(told('server')).toEqual(['ok: answers']);
    expect(told('database')).toEqual([
      expect.stringContaining(`note: not examined, since a server uses it: ${data} is in use by process ${server.pid}`),
    ]);
    expect(told('log')).toHaveLength(1);
    const client = await WireClient.connect(server, folder);
    await client.call('startRun', { model: 'scripted' });
    await client.close();
  });

  it('sets modes right, removes what a killed server left and folders of no command; exit codes 1, then 0', async () => {
    server = await serve(data);
    const client = await WireClient.connect(server, folder);
    await client.call('startRun', { model: 'scripted' });
    await server.crash();
    await chmod(data, 0o755);
    await chmod(join(data, 'token'), 0o644);
    await chmod(join(data, 'headgate.sock'), 0o666);
    await mkdir(join(data, 'producers', 'p99-orphan'), { recursive: true, mode: 0o700 });
    await writeFile(join(data, 'producers', 'p99-orphan', 'out.1'), 'left');

    const found = await doctor();
    expect(found.code).toBe(1);
    expect(found.told('permissions').map((one) => one.replace(data, 'DATA'))).toEqual([
      'bad: DATA has mode 0755; --repair sets 0700',
      'bad: DATA/headgate.sock has mode 0666; --repair sets 0600',
      'bad: DATA/token has mode 0644; --repair sets 0600',
    ]);
    expect(found.told('spool')).toEqual([
      expect.stringMatching(/^note: folders of no live producer .*: p99-orphan; --repair removes them/),
    ]);
    expect(found.told('left behind')).toHaveLength(2);
    expect(await modeOf('token')).toBe('644');

    const repaired = await doctor('--repair');
    expect(repaired.code).toBe(0);
    expect(repaired.told('permissions').every((one) => one.startsWith('repaired: '))).toBe(true);
    expect(repaired.told('spool')).toEqual([expect.stringMatching(/^repaired: .*: 1 removed$/)]);
    expect(repaired.told('left behind').every((one) => one.startsWith('repaired: '))).toBe(true);
    expect(await Promise.all(['.', 'token'].map(modeOf))).toEqual(['700', '600']);
    await expect(stat(join(data, 'producers', 'p99-orphan'))).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(stat(join(data, 'server.json'))).rejects.toMatchObject({ code: 'ENOENT' });
    const again = await doctor();
    expect(again.code).toBe(0);
    expect(again.report.checks.some(({ state }) => state === 'bad' || state === 'repaired')).toBe(false);
  });

  it('keeps the folder of a command that runs, says what the next start does where one is gone, and mends sizes', async () => {
    server = await serve(data);
    const client = await WireClient.connect(server, folder);
    const { run } = await client.call<{ run: string }>('startRun', { model: 'scripted', yolo: true });
    const commands = ['echo one; exec sleep 600', 'echo two; exec sleep 601'];
    const paths: string[] = [];
    for (const command of commands) {
      const { path } = await client.call<{ path: string }>('sh', { run, command });
      await client.call('stream/subscribe', { run, path });
      await client.notice('stream/chunk', (params) => params['path'] === path);
      paths.push(path);
    }
    await server.crash();
    const db = new Database(join(data, 'headgate.db'));
    const [id, createdAt] = db
      .prepare<[string], [number, number]>(
        'select entry_id, producers.created_at from producers join entries on entries.id = entry_id where path = ?',
      )
      .raw()
      .get(paths[1] ?? '')!;
    db.exec(`update entries set bytes = 77 where path like '%_1' and category = 'data'`);
    db.close();
    const gone = join(data, 'producers', `p${id}-${createdAt.toString(36)}`);
    await rename(gone, join(folder, 'moved'));

    const text = await cli(['doctor', '--repair', '--data', data], { cwd: folder });
    expect(text.code).toBe(0);
    expect(text.out).toMatch(
      new RegExp(`note {6}spool +the folder of ${paths[1]} is gone, .*the next start of the server ends it as lost`),
    );
    expect(text.out).toMatch(/repaired {2}channels +.*its row says 77 bytes and 1 lines, its segments hold 4 and 1: the row says 4 bytes/);
    expect(text.out).toMatch(/\nThe database as it was before: .*headgate\.db\.before-repair-/);

    await rename(join(folder, 'moved'), gone);
    server = await serve(data);
    expect(await processesWith('sleep 60')).not.toEqual([]);
    const again = await WireClient.connect(server, folder);
    for (const [index, path] of paths.entries()) {
      const { chunk } = await again.call<{ chunk: string }>('stream/read', { run, path, channel: 1 });
      expect(chunk).toBe(index === 0 ? 'one\n' : 'two\n');
    }
    expect((await again.call<unknown[]>('stream/list', { state: 'live' })).length).toBe(2);
    await again.close();
  });
});
