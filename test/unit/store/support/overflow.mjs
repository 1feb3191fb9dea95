// Appends until the disk refuses, and prints what that looked like and what was stored.
import { systemClock } from '../../../../src/core/clock.ts';
import { HeadgateError } from '../../../../src/core/errors.ts';
import { openStore } from '../../../../src/store/index.ts';

const store = await openStore({ file: process.argv[2] ?? '', clock: systemClock });
const project = store.projects.open({ name: 'p', root: '/', configPath: null });
const run = store.runs.create({ projectId: project.id, alias: 'r', parentId: null, model: 'm', settings: {} });
const { id } = store.entries.create({ runId: run.id, path: 'sh://turn_0/a_1', category: 'data', status: 102, turn: 0, writer: 'w' });
const bytes = Buffer.alloc(64 * 1024, 'x');
let stored = 0;
try {
  for (; stored < 64 * 1024 * 1024; stored += 2 * bytes.length) {
    store.transaction('fast', () => {
      for (const offset of [stored, stored + bytes.length])
        store.channels.append([{ entryId: id, offset, bytes, line: 0, at: 1, lines: 0 }]);
    });
  }
} catch (error) {
  const failure =
    error instanceof HeadgateError ? { kind: error.kind, message: error.message, facts: error.facts } : { kind: String(error) };
  const head = store.channels.head(id);
  const read = store.channels.read(id, Math.max(0, head.bytes - 10), 100).length;
  console.log(JSON.stringify({ failure, stored, head, read, events: store.events.lastSeq(project.id) }));
}
await store.close();
