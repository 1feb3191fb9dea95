// Fills a run, deletes it, and prints how many segments are left whenever some have gone.
import { writeSync } from 'node:fs';
import Database from 'better-sqlite3';
import { systemClock } from '../../../../src/core/clock.ts';
import { openStore } from '../../../../src/store/index.ts';

const file = process.argv[2] ?? '';
const store = await openStore({ file, clock: systemClock });
const project = store.projects.open({ name: 'p', root: '/', configPath: null });
const create = (alias) => store.runs.create({ projectId: project.id, alias, parentId: null, model: 'm', settings: {} });
const run = create('doomed');
create('other');
const loop = store.loops.enqueue({ runId: run.id, mode: 'act', prompt: 'go', model: 'm', config: {} });
const turn = store.turns.create({ runId: run.id, loopId: loop.id, sequence: 1 });
store.turns.setContext(turn.id, { messages: [{ role: 'user', pieces: [] }], tools: [] });
for (let i = 0; i < 250; i++) store.events.append({ projectId: project.id, run: 'doomed', type: 'told', payload: { i } });
const bytes = Buffer.alloc(256 * 1024, 'x');
for (const slug of ['a', 'b']) {
  const { id } = store.entries.create({
    runId: run.id,
    path: `sh://turn_1/${slug}_1`,
    category: 'data',
    status: 102,
    turn: 1,
    loopId: loop.id,
    writer: 'w',
  });
  store.transaction('fast', () => {
    for (let i = 0; i < 128; i++) store.channels.append([{ entryId: id, offset: i * bytes.length, bytes, line: 0, at: 1, lines: 0 }]);
  });
}
const watcher = new Database(file, { readonly: true });
const left = watcher.prepare('select count(*) from segments').pluck();
store.runs.remove(run.id);
writeSync(1, 'deleted\n');
let before = left.get();
const look = () => {
  const now = left.get();
  if (now < before) writeSync(1, `${now}\n`);
  before = now;
  setImmediate(look);
};
look();
