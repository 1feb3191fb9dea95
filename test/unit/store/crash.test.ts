import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { everyRun } from '../../../src/model/sight.ts';
import { start, tempFolder, tempStore } from './support/temp.ts';

const LINE_BYTES = 4001;

describe('{#durability} kill -9 in the middle of transactions', () => {
  test('loses nothing that was committed and keeps no half transaction', async () => {
    const file = join(tempFolder(), 'headgate.db');
    let before = 0;
    for (const patience of [1, 40, 300]) {
      const writer = start('fill.mjs', [file]);
      let committed = before;
      while (committed < before + patience) committed = Number(await writer.line());
      await writer.kill();
      // What it printed before it died, too.
      for (;;) {
        const line = await writer.line().catch(() => undefined);
        if (line === undefined) break;
        committed = Number(line);
      }
      const { store } = await tempStore({ file });
      const run = store.runs.byAlias(everyRun(1), 'r')!;
      const heads = ['a', 'b'].map((slug) => store.entries.get(run.id, `sh://turn_0/${slug}_1`)!);
      const lines = heads[0]!.lines;
      expect(lines).toBeGreaterThanOrEqual(committed);
      expect(heads[1]!.lines).toBe(lines);
      expect(store.events.lastSeq(1)).toBe(lines);
      for (const { id, bytes } of heads) {
        expect(bytes).toBe(lines * LINE_BYTES);
        const stored = store.channels
          .read(id, 0, bytes + 1)
          .toString()
          .trimEnd()
          .split('\n');
        expect(stored.map((line) => Number(line.replaceAll('.', '')))).toEqual(Array.from({ length: lines }, (_, n) => n));
      }
      before = lines;
      await store.close();
    }
  });
});
