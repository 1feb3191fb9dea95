// Fills a run of so many entries, begins to copy it, and stops for good when a part of the copy is stored.
import { writeSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { systemClock } from '../../../../src/core/clock.ts';
import { openStore } from '../../../../src/store/index.ts';

const [file = '', entries = ''] = process.argv.slice(2);
const store = await openStore({ file, clock: systemClock });
const project = store.projects.open({ name: 'p', root: '/', configPath: null });
const run = store.runs.create({ projectId: project.id, alias: 'first', parentId: null, model: 'm', settings: {} });
store.transaction('durable', () => {
  for (let i = 0; i < Number(entries); i++)
    store.entries.create({ runId: run.id, path: `known://${i}`, category: 'data', status: 200, body: `${i}`, turn: 0, writer: 'w' });
});
void store.runs.copy(run.id, { maxBytes: 1e9 }, (reveal) => {
  reveal('copy');
  writeSync(1, 'whole\n');
});
const there = new Database(file, { readonly: true }).prepare('select count(*) from entries').pluck();
while (there.get() <= Number(entries)) await turn();
writeSync(1, 'copying\n');
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
