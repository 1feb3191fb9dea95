import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  type Entry,
  entriesOf,
  type Item,
  type OwnRuntime,
  openRuntime,
  RunModel,
  RunName,
  RunReader,
  type RuntimeEvent,
} from '../../src/sdk.ts';
import { tempFolder } from '../support/temp-store.ts';

/** Steps of the scripted model; each turn plays the next one. */
const SCENARIO = `steps:
  - say: I look around.
    calls:
      - {tool: env, input: {command: ls}}
      - {tool: set, input: {path: 'file://made.txt', body: made}}
      - {tool: think, input: {text: hm}}
  - say: Now it is built.
    calls:
      - {tool: sh, input: {command: 'echo out; echo err >&2; exit 3'}}
      - {tool: sh, input: {command: 'echo started; sleep 300 & echo left'}}
  - calls:
      - {tool: ask_user, input: {question: 'Which one?', options: [left, right]}}
      - {tool: update, input: {text: Nearly there.}}
  - say: Done.
`;

/** What a run went through: its events, and its entries as they were at several moments, the last of them its end. */
interface Recorded {
  readonly run: string;
  readonly events: readonly RuntimeEvent[];
  readonly pages: readonly (readonly Entry[])[];
}

/** Records a run while `work` drives it. */
async function record(own: OwnRuntime, root: string, run: string, work: () => Promise<unknown>): Promise<Recorded> {
  await using watcher = await own.join({ project: root, client: { name: 'watcher' } });
  const events: RuntimeEvent[] = [];
  const pages: Entry[][] = [];
  const reading = (async () => {
    for await (const event of watcher.events({ run, since: 0 })) {
      events.push(event);
      if (events.length % 7 === 0) pages.push(await entriesOf(watcher, { run }));
    }
  })().catch(() => {});
  await work();
  const { lastSeq } = watcher;
  await vi.waitUntil(() => events.some(({ params }) => 'seq' in params && params.seq >= lastSeq), { timeout: 20_000 });
  pages.push(await entriesOf(watcher, { run }));
  await watcher.close();
  await reading;
  return { run, events, pages };
}

/** What a person sees of an item, whatever told of it. */
function seen(item: Item): unknown {
  const { kind, id, turn, text } = item;
  if (kind !== 'step') return { kind, id, turn, text: text.trim() };
  const { title, state, status, outcome, exitCode, signal, by, waiting, action } = item;
  return { kind, id, turn, text: text.trim(), title, state, status, outcome, exitCode, signal, by, waiting, action };
}

function shown(model: RunModel): unknown[] {
  return model.items.filter(({ kind }) => kind !== 'notice').map(seen);
}

let folder: Awaited<ReturnType<typeof tempFolder>>;
let own: OwnRuntime;
let root: string;
const recorded: Recorded[] = [];

beforeAll(async () => {
  folder = await tempFolder();
  root = join(folder.folder, 'project');
  await mkdir(root);
  await writeFile(join(root, 'scenario.yaml'), SCENARIO);
  own = await openRuntime({ data: join(folder.folder, 'data'), project: root, logLevel: 'silent' });
  await own.call('addModel', { alias: 'played', provider: 'scripted', actual: 'scenario.yaml' });
  for (const [index, answer] of (['accept', 'reject', 'accept'] as const).entries()) {
    const { run } = await own.call('startRun', { model: 'played' });
    recorded.push(
      await record(own, root, run, async () => {
        const answers = (async () => {
          for await (const { name, params } of own.events({ run, since: 0 })) {
            if (name === 'run/proposal')
              await own.call('run/resolve', {
                run,
                resolution: { path: params.path, action: answer, ...(params.action === 'ask_user' ? { output: 'left' } : {}) },
              });
            if (name === 'stream/leftover' && params.state === 'running' && index === 2)
              await own.call('stream/cancel', { run, path: params.path });
            if (name === 'run/state' && params.loop !== undefined && (params.status === 200 || params.status >= 400)) return;
          }
        })();
        await own.call('act', { run, prompt: 'make it', wait: true });
        await answers;
      }),
    );
  }
  const { run } = await own.call('startRun', { model: 'scripted' });
  recorded.push(
    await record(own, root, run, async () => {
      const { path } = await own.call('sh', { run, command: 'printf "name? "; read name; echo "$name"; sleep 300' });
      await own.call('run/resolve', { run, resolution: { path, action: 'accept' } });
      for await (const { name } of own.events({ run, since: 0 })) if (name === 'stream/waiting') break;
      await own.call('stream/input', { run, path, chunk: 'Ada\\n', encoding: 'utf8' });
      for await (const { name } of own.events({ run, since: 0 })) if (name === 'stream/resumed') break;
      await own.call('stream/cancel', { run, path, reason: 'enough' });
      for await (const { name } of own.events({ run, since: 0 })) if (name === 'stream/ended') break;
    }),
  );
}, 120_000);
afterAll(async () => {
  await own.call('stream/cancelAll', {}).catch(() => {});
  await own.close();
  await folder.remove();
});

describe('{#run_model} a run that was driven for real', () => {
  it('is one list, however its pages and events fall and however often each is told', () => {
    expect(recorded.map(({ events }) => events.length).every((count) => count > 10)).toBe(true);
    for (const { events, pages } of recorded) {
      const last = pages.at(-1) ?? [];
      const fresh = new RunModel();
      fresh.setPage(last, true);
      const expected = shown(fresh);
      expect(expected.length).toBeGreaterThan(0);
      const plan = fc.record({
        /** How often each event is told, and from how far back a replay begins behind it. */
        repeats: fc.array(fc.record({ times: fc.integer({ min: 1, max: 3 }), back: fc.integer({ min: 0, max: 12 }) }), {
          minLength: events.length,
          maxLength: events.length,
        }),
        /** Which page is read behind which event; one that is read before all events may come in two halves, the later one first, as a reader reads them. */
        reads: fc.array(fc.record({ at: fc.nat(events.length), page: fc.nat(pages.length - 1), halves: fc.boolean() }), { maxLength: 6 }),
      });
      fc.assert(
        fc.property(plan, ({ repeats, reads }) => {
          const model = new RunModel();
          const stale = new Set<string>();
          const tell = (event: RuntimeEvent) => {
            const { entry } = model.apply(event);
            if (entry !== undefined) stale.add(entry);
          };
          const read = (page: readonly Entry[], halves: boolean) => {
            const middle = halves ? Math.floor(page.length / 2) : 0;
            model.setPage(page.slice(middle), !halves);
            if (halves) model.setPage(page.slice(0, middle), true);
          };
          for (const [index, event] of events.entries()) {
            for (const { at, page, halves } of reads) if (at === index) read(pages[page] ?? [], halves && index === 0);
            const { times, back } = repeats[index] ?? { times: 1, back: 0 };
            for (let time = 0; time < times; time++) tell(event);
            for (const again of events.slice(Math.max(0, index - back), index)) tell(again);
          }
          // What is stale is read; a client that opened the run has read its entries as well.
          read(last, false);
          for (const path of stale) {
            const entry = last.find((one) => one.path === path);
            if (entry) model.setEntry(entry);
          }
          expect(shown(model)).toEqual(expected);
        }),
      );
    }
  });

  it('{#run_reader} is the same list for a reader that opens it late, and in pages', async () => {
    for (const { run, pages } of recorded) {
      const fresh = new RunModel();
      fresh.setPage(pages.at(-1) ?? [], true);
      const failures: unknown[] = [];
      const reader = new RunReader(own, new RunName(run), { changed: () => {}, failed: (error) => failures.push(error) });
      await reader.open(Infinity);
      for (const item of reader.model.items) reader.readText(item);
      await expect.poll(() => shown(reader.model)).toEqual(shown(fresh));
      expect(failures).toEqual([]);
      reader.close();
    }
  });
});

describe('{#renamed_runs} a run that is renamed', () => {
  it('{#run_reader} is read on under its new alias', async () => {
    const { run } = await own.call('startRun', { model: 'scripted' });
    const abort = new AbortController();
    const reader = new RunReader(own, new RunName(run), { changed: () => {}, failed: () => {} });
    const following = (async () => {
      for await (const event of own.events({ run, since: 0, signal: abort.signal })) reader.take(event);
    })().catch(() => {});
    await reader.open(0);
    await own.call('run/rename', { run, name: 'other' });
    const { path } = await own.call('sh', { run: 'other', command: 'true' });
    await expect.poll(() => reader.model.step(path)?.state).toBe('proposed');
    await expect.poll(() => reader.info?.run).toBe('other');
    expect(reader.name.now).toBe('other');
    abort.abort(new Error('over'));
    await following;
  });
});
