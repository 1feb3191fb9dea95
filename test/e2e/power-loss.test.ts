import { execFile, execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import '../support/property-seed.ts';
import { type BuiltServer, endCommands, readAll, serve, WireClient } from '../support/built-server.ts';
import { tempFolder } from '../support/temp-store.ts';

// Less than the lead at which a command is stopped until the next server continues it.
const LINES = 1_000_000;
const WAL_HEADER_BYTES = 32;
const FRAME_BYTES = 24 + 8192;

let folder: string;
let data: string;
let remove: () => Promise<void>;
const servers = new Set<BuiltServer>();

beforeEach(async () => {
  ({ folder, remove } = await tempFolder());
  data = join(folder, 'data');
});
afterEach(async () => {
  for (const server of servers) {
    if (server.process.exitCode === null && server.process.signalCode === null) await endCommands(server, folder);
    await server.stop();
  }
  servers.clear();
  await remove();
});

async function up(at: string): Promise<BuiltServer> {
  const server = await serve(at);
  servers.add(server);
  return server;
}

/** The index of the write-ahead log (SQLite's wal-index format): frames committed, frames in the database file, generation. */
function index(): { committed: number; moved: number; salt: string } {
  const shm = readFileSync(join(data, 'headgate.db-shm'));
  return { committed: shm.readUInt32LE(16), moved: shm.readUInt32LE(96), salt: shm.toString('hex', 32, 40) };
}

describe('{#durability} {#exactly_once} a power cut that takes the end of the write-ahead log', () => {
  it('power loss under NORMAL: costs no byte while the spool is there: wherever the log ends, the channel becomes byte-exact', async () => {
    const release = join(folder, 'release');
    await promisify(execFile)('mkfifo', [release]);
    const server = await up(data);
    const client = await WireClient.connect(server, folder);
    const { run } = await client.call<{ run: string }>('startRun', { model: 'scripted', yolo: true });
    const { path } = await client.call<{ path: string }>('sh', { run, command: `seq 1 ${LINES}; read x < '${release}'` });
    await client.call('stream/subscribe', { run, path });
    await client.notice('stream/chunk');
    // Every change of status lies before this; it was synchronised, so no power cut takes it.
    const synchronised = index();
    await client.notice('stream/chunk', (params) => (params['offset'] as number) > 2_000_000);
    await server.crash();
    await client.close();
    // The command goes on without the server and ends.
    await writeFile(release, 'now\n');
    const expected = Buffer.from(Array.from({ length: LINES }, (_, n) => `${n + 1}\n`).join(''));

    // What a checkpoint has moved was synchronised in the log before: only what comes after it can be lost.
    const { committed, moved, salt } = index();
    const kept = Math.max(moved, salt === synchronised.salt ? synchronised.committed : 0);
    const first = WAL_HEADER_BYTES + kept * FRAME_BYTES;
    const end = WAL_HEADER_BYTES + committed * FRAME_BYTES;
    expect(end).toBeGreaterThanOrEqual(first);

    const saved = join(folder, 'saved');
    mkdirSync(saved);
    const save = (from: string, to: string) => {
      for (const name of ['headgate.db', 'headgate.db-wal', 'token']) copyFileSync(join(from, name), join(to, name));
      // Together: a file of a channel is one of its command as well.
      execFileSync('cp', ['-a', join(from, 'producers'), join(from, 'channels'), to]);
    };
    save(data, saved);
    const afterCut = async (cut: number) => {
      // In the folder itself, as after a power cut: another one would be a copy.
      for (const name of readdirSync(data)) rmSync(join(data, name), { recursive: true });
      save(saved, data);
      truncateSync(join(data, 'headgate.db-wal'), cut);
      const survivor = await up(data);
      const reader = await WireClient.connect(survivor, folder);
      await reader.call('stream/subscribe', { run, path, from: 'live' });
      expect(await reader.notice('stream/ended', (params) => params['path'] === path)).toMatchObject({ status: 200, exit_code: 0 });
      expect((await readAll(reader, run, path, 1)).equals(expected)).toBe(true);
      await reader.close();
      await survivor.stop();
      servers.delete(survivor);
    };
    await fc.assert(fc.asyncProperty(fc.integer({ min: first, max: end }), afterCut), {
      numRuns: 6,
      examples: [[first], [Math.min(first + FRAME_BYTES - 1, end)], [Math.max(first, end - 1)]],
    });
  }, 120_000);
});
