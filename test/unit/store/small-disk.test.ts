import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, test, vi } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { openStore } from '../../../src/store/index.ts';
import { serviceAvailable } from '../../support/require.ts';
import { smallDisk } from '../../support/small-disk.ts';
import { append, newChannel, tempStore } from './support/temp.ts';

const MIB = 1024 * 1024;
const patiently = { timeout: 20_000, interval: 20 };

describe.skipIf(!serviceAvailable('mount'))('{#disk_full} a database on a full disk', () => {
  test('disk full (also the checkpoint fails then): keeps what it has while appends, the log and checkpoints fail, says so once, and takes all of it once there is space', async () => {
    const disk = smallDisk(64 * MIB);
    const said: string[] = [];
    const states: boolean[] = [];
    const note = (_facts: object, message: string) => void said.push(message);
    const logger = { ...silentLogger, warn: note, info: note };
    const file = join(disk.folder, 'data', 'headgate.db');
    const store = await openStore({ file, clock: systemClock, logger, diskFull: (full) => void states.push(full) });
    try {
      const id = newChannel(store);
      expect(statSync(join(disk.folder, 'data', 'reserve')).size).toBe(MIB);
      disk.fill(8 * MIB);
      const chunk = Buffer.alloc(256 * 1024, 'x');
      const fill = () => {
        for (let i = 0; i < 256; i++) append(store, id, chunk);
      };
      expect(fill).toThrow(/nothing was stored; free some space/);
      expect(fill).toThrow(/nothing was stored; free some space/);
      // What people ask for is stored meanwhile, again and again: a command that fills the disk can be cancelled.
      const { runId } = store.entries.byId(id)!;
      for (let turn = 1; turn <= 20; turn++) {
        expect(() => append(store, id, chunk)).toThrow(/nothing was stored; free some space/);
        expect(store.transaction('durable', () => store.runs.nextTurn(runId))).toBe(turn);
      }
      const { bytes } = store.channels.head(id);
      expect(bytes % chunk.length).toBe(0);
      await vi.waitFor(() => expect(said).toContain('a checkpoint failed; it is tried again'), patiently);
      expect([states, existsSync(join(disk.folder, 'data', 'reserve'))]).toEqual([[true], false]);
      disk.clear();
      await vi.waitFor(() => expect(states).toEqual([true, false]), patiently);
      append(store, id, chunk);
      await vi.waitFor(() => expect(said).toContain('checkpoints work again'), patiently);
      expect(store.channels.head(id).bytes).toBe(bytes + chunk.length);
      expect(store.channels.read(id, bytes - 2, 4).toString()).toBe('xxxx');
      expect(statSync(join(disk.folder, 'data', 'reserve')).size).toBe(MIB);
    } finally {
      disk.clear();
      await store.close();
      const db = new Database(file, { readonly: true });
      expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
      db.close();
      disk.remove();
    }
  });
});

describe('{#durability} asking for the disk', () => {
  test('resolves once the commits before it are synced, and rejects when that cannot be said', async () => {
    const { store } = await tempStore({ checkpoint: true });
    append(store, newChannel(store), Buffer.from('fast'));
    await expect(store.persist()).resolves.toBeUndefined();
    await store.close();
    await expect(store.persist()).rejects.toThrow('the store is closed');
  });
});
