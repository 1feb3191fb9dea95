import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { start, tempFolder, tempStore } from './support/temp.ts';

interface Told {
  readonly failure: { readonly kind: string; readonly message: string; readonly facts: { readonly retry_after_ms: number } };
  readonly stored: number;
  readonly head: { readonly bytes: number };
  readonly read: number;
}

describe('{#disk_full} when the disk takes no more', () => {
  test('a transaction is refused as overloaded, nothing of it is stored, and reading goes on', async () => {
    const file = join(tempFolder(), 'headgate.db');
    // No file may grow over 8 MiB: the kernel refuses the write, as on a full disk.
    const writer = start('overflow.mjs', [file], 'ulimit -f 16384;');
    const told = JSON.parse(await writer.line()) as Told;
    expect(told.failure.kind).toBe('overloaded');
    expect(told.failure.message).toMatch(/nothing was stored; free some space/);
    expect(told.failure.facts.retry_after_ms).toBeGreaterThan(0);
    expect(told.stored).toBeGreaterThan(1_000_000);
    expect(told.head.bytes).toBe(told.stored);
    expect(told.read).toBe(10);
    expect(await writer.ended()).toBe(0);

    const { store } = await tempStore({ file });
    const [channel] = store.entries.list({ categories: ['data'] });
    expect(channel?.bytes).toBe(told.stored);
    store.channels.append([{ entryId: channel!.id, offset: told.stored, bytes: Buffer.from('on'), line: 0, at: 1, lines: 0 }]);
    expect(store.channels.read(channel!.id, told.stored - 1, 9).toString()).toBe('xon');
  });
});
