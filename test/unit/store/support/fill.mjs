// Appends to a channel for ever, two channels in one transaction, and prints each length after its commit.
import { writeSync } from 'node:fs';
import { systemClock } from '../../../../src/core/clock.ts';
import { openStore } from '../../../../src/store/index.ts';

const store = await openStore({ file: process.argv[2] ?? '', clock: systemClock });
const project = store.projects.open({ name: 'p', root: '/', configPath: null });
const run =
  store.runs.byAlias({ projectId: project.id, madeWith: null }, 'r') ??
  store.runs.create({ projectId: project.id, alias: 'r', parentId: null, model: 'm', settings: {} });
const channels = ['a', 'b'].map((slug) => {
  const path = `sh://turn_0/${slug}_1`;
  return (
    store.entries.get(run.id, path) ?? store.entries.create({ runId: run.id, path, category: 'data', status: 102, turn: 0, writer: 'w' })
  ).id;
});
for (let n = store.channels.head(channels[0] ?? 0).lines; ; n++) {
  const bytes = Buffer.from(`${String(n).padEnd(4000, '.')}\n`);
  store.transaction('fast', () => {
    store.events.append({ projectId: project.id, run: 'r', type: 'written', payload: { n } });
    store.channels.append(channels.map((entryId) => ({ entryId, offset: n * bytes.length, bytes, line: n, at: 1, lines: 1 })));
  });
  writeSync(1, `${n + 1}\n`);
}
