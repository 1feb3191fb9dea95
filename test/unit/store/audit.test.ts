import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { tempStore } from './support/temp.ts';

describe('{#rpc_log} a call', () => {
  test('is kept with who, what, when and how it went, and has no room for what was sent', async () => {
    const { store, file } = await tempStore();
    const before = Date.now();
    store.audit.record({ method: 'run/resolve', client: 'editor', run: 'r1', code: 0, durationMs: 1.5 });
    store.transaction('fast', () => store.audit.record({ method: 'ping', client: 'editor', run: null, code: -32602, durationMs: 0 }));
    const db = new Database(file, { readonly: true });
    const rows = db.prepare<[], { at: number }>('select * from rpc_log order by id').all();
    db.close();
    expect(rows).toEqual([
      { id: 1, at: expect.any(Number), method: 'run/resolve', client: 'editor', run: 'r1', code: 0, duration_ms: 1.5 },
      { id: 2, at: expect.any(Number), method: 'ping', client: 'editor', run: null, code: -32602, duration_ms: 0 },
    ]);
    expect(rows[0]?.at).toBeGreaterThanOrEqual(before);
  });
});
