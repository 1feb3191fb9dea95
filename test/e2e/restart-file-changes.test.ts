import { readdirSync } from 'node:fs';
import { rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { WireClient } from '../support/built-server.ts';
import { openWithModel } from '../support/live-model.ts';
import { faulty, LiveServer } from '../support/live-server.ts';
import type { OpenAiServer } from '../support/openai-server.ts';

const live = new LiveServer();
let model: OpenAiServer;

beforeAll(async () => {
  model = await openWithModel(live);
  const client = await live.client();
  await client.call('addModel', { alias: 'm', actual: 'm' });
  await live.closeClients();
});
beforeEach(async () => {
  for (const name of readdirSync(live.root)) await rm(join(live.root, name), { recursive: true });
  await writeFile(join(live.root, 'a.txt'), OLD);
});
afterEach(() => live.closeClients());
afterAll(async () => {
  await live.closeClients();
  await live.close();
  await model.close();
});

/** Long enough that half of it is seen to be half. */
const OLD = `${'a line of the file\n'.repeat(2000)}end\n`;
const set = (args: object) => ({ name: 'set', args: JSON.stringify(args) });
const edit = (word: string) => set({ path: 'file://a.txt', edits: [{ after: 0, new: word }] });
/** The file after the first so many of the edits. */
const after = (edits: number) => `${['three\n', 'two\n', 'one\n'].slice(3 - edits).join('')}${OLD}`;

/** Ends the server as `fault` says while a turn with these calls is worked off, each accepted by the client; returns the run. */
async function crash(fault: string, calls: { name: string; args: string }[]): Promise<string> {
  await live.server.crash();
  await live.start(faulty(fault));
  const client = await live.client();
  model.answer({ kind: 'say', calls }, { kind: 'say', text: 'done' });
  const { run } = await client.call<{ run: string }>('act', { prompt: 'x', model: 'm' });
  const accepting = answerAll(client, run, calls.length).catch(() => undefined);
  await live.died();
  await live.closeClients();
  await accepting;
  return run;
}

/** Accepts so many proposals as they come. */
async function answerAll(client: WireClient, run: string, count: number): Promise<void> {
  const answered = new Set<unknown>();
  while (answered.size < count) {
    const { path } = await client.notice('run/proposal', (params) => params['run'] === run && !answered.has(params['path']));
    answered.add(path);
    await client.call('run/resolve', { run, resolution: { path, action: 'accept' } });
  }
}

/** Starts the server again, accepts whatever still waits, and returns how the loop and its changes have ended. */
async function goOn(run: string): Promise<{ result: string; statuses: number[] }> {
  await live.start();
  const client = await live.client();
  let result: string | undefined;
  await vi.waitUntil(
    async () => {
      const now = await client.call<{ proposals: string[]; loops: { status: number; result: string }[] }>('getRun', { run });
      for (const path of now.proposals) await client.call('run/resolve', { run, resolution: { path, action: 'accept' } });
      result = now.loops.find(({ status }) => ![100, 102].includes(status))?.result;
      return result !== undefined;
    },
    { timeout: 20_000, interval: 20 },
  );
  const actions = await client.call<{ path: string; status: number }[]>('getEntries', { run, pattern: 'log://turn_1/*/*', body: false });
  return { result: result ?? '', statuses: actions.filter(({ path }) => /\/(set|mv|cp|rm)\//.test(path)).map(({ status }) => status) };
}

describe('{#file_edits} {#loop_restart} the server killed with -9 while the second of three edits of a file is accepted', () => {
  it.each([
    ['accept 2', 'before the accept is stored', 1],
    ['create 2', 'after the accept, before anything is written', 1],
    ['half 2', 'when half of the temporary file is written', 1],
    ['rename 2', 'after the temporary file, before the rename', 1],
    ['renamed 2', 'after the rename, before the end is stored', 2],
  ])('%s: %s: the file is old or new as a whole, and each edit is there once', async (fault, _when, edits) => {
    const run = await crash(fault, [edit('one'), edit('two'), edit('three')]);
    expect(await live.text('a.txt')).toBe(after(edits));
    expect(await goOn(run)).toEqual({ result: 'done', statuses: [200, 200, 200] });
    expect(await live.text('a.txt')).toBe(after(3));
    expect(readdirSync(live.root)).toEqual(['a.txt']);
  });
});

describe('{#file_edits} the server killed with -9 while a change is accepted that makes a file', () => {
  it.each([
    ['create 1', 'before anything is written', ''],
    ['half 1', 'when half of the temporary file is written', ''],
    ['renamed 1', 'when it is in its place, and the temporary file is its second name', OLD],
  ])('%s: %s: it is there as a whole or not at all, and nothing is left beside it', async (fault, _when, text) => {
    const run = await crash(fault, [set({ path: 'file://sub/new.txt', body: OLD })]);
    expect(await live.text('sub/new.txt')).toBe(text);
    expect(await goOn(run)).toEqual({ result: 'done', statuses: [200] });
    expect(await live.text('sub/new.txt')).toBe(OLD);
    expect(readdirSync(join(live.root, 'sub'))).toEqual(['new.txt']);
  });

  it('and the file becomes another one before the restart: what was half written is taken away, and the change is 409', async () => {
    const run = await crash('half 1', [set({ path: 'file://a.txt', body: 'new\n' })]);
    await writeFile(join(live.root, 'a.txt'), 'theirs\n');
    expect(await goOn(run)).toEqual({ result: 'done', statuses: [409] });
    expect(await live.text('a.txt')).toBe('theirs\n');
    expect(readdirSync(live.root)).toEqual(['a.txt']);
  });
});

describe('{#file_edits} the server killed with -9 while a client writes a file', () => {
  it('leaves the file whole, and the next change in that folder takes away what was half written', async () => {
    await live.server.crash();
    await live.start(faulty('half 1'));
    const client = await live.client();
    const { run } = await client.call<{ run: string }>('startRun', { model: 'm' });
    const write = client.call('set', { run, path: 'file://a.txt', body: 'new\n' }).catch(() => undefined);
    await live.died();
    await write;
    await live.closeClients();
    expect(await live.text('a.txt')).toBe(OLD);
    const [temporary = ''] = readdirSync(live.root).filter((name) => name !== 'a.txt');
    // Young ones may be those of another server that writes at this moment.
    const longAgo = new Date(Date.now() - 3_600_000);
    await utimes(join(live.root, temporary), longAgo, longAgo);
    await live.start();
    const again = await live.client();
    await again.call('set', { run, path: 'file://b.txt', body: 'b\n' });
    expect(readdirSync(live.root).sort()).toEqual(['a.txt', 'b.txt']);
  });
});
