import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { WireClient } from '../support/built-server.ts';
import { openWithModel } from '../support/live-model.ts';
import { ended, faulty, LiveServer } from '../support/live-server.ts';
import type { OpenAiServer } from '../support/openai-server.ts';

const live = new LiveServer();
let model: OpenAiServer;
let one: WireClient;

beforeAll(async () => {
  model = await openWithModel(live);
  const client = await live.client();
  await client.call('addModel', { alias: 'm', actual: 'm' });
  await live.closeClients();
});
beforeEach(async () => {
  await live.closeClients();
  one = await live.client();
});
afterAll(async () => {
  await live.closeClients();
  await live.close();
  await model.close();
});

const sh = (command: string, more: object = {}) => ({ name: 'sh', args: JSON.stringify({ command, yield_ms: 600_000, ...more }) });
const act = (client: WireClient, params: object = {}) =>
  client.call<{ run: string; loop: number }>('act', { prompt: 'x', model: 'm', ...params });
const accept = (client: WireClient, run: string, path: unknown) =>
  client.call('run/resolve', { run, resolution: { path, action: 'accept' } });
/** What the model was told of its last action in its latest request. */
const told = () =>
  String(
    model.requests
      .at(-1)
      ?.body.messages.filter(({ role }) => role === 'tool')
      .at(-1)?.content,
  );
const until = (name: string) => `while [ ! -e ${name} ]; do sleep 0.02; done`;
const go = (name: string) => writeFile(join(live.root, name), '');

/** kill -9 and a new server; returns a client of it. */
async function restart(): Promise<WireClient> {
  await live.crashAndStart();
  return await live.client();
}

/** The same once more, its client closed. */
async function restartAgain(client: WireClient): Promise<WireClient> {
  await client.close();
  return await restart();
}

/** Waits for the end of a loop; returns how it ended. */
async function loopEnd(client: WireClient, run: string, loop: number): Promise<{ status: number; result: string }> {
  const loops = async () =>
    (await client.call<{ loops: { loop: number; status: number; result: string }[] }>('getRun', { run })).loops.find(
      (each) => each.loop === loop,
    );
  for (let found = await loops(); ; found = await loops()) {
    if (found && ![100, 102].includes(found.status)) return found;
    await client.notice(
      'run/state',
      (params) => params['run'] === run && params['loop'] === loop && ![100, 102].includes(params['status'] as number),
    );
  }
}

describe('{#loop_restart} the server killed with -9 while a loop', () => {
  it('is queued behind another: both are carried out, in their order', async () => {
    model.answer({ kind: 'hang' });
    const asked = model.requests.length;
    const { run } = await act(one, { prompt: 'first' });
    await model.received(asked + 1);
    await act(one, { prompt: 'second', run, model: undefined });
    model.answer({ kind: 'say', text: 'the first answer' }, { kind: 'say', text: 'the second answer' });
    const two = await restart();
    expect(await loopEnd(two, run, 2)).toMatchObject({ status: 200, result: 'the second answer' });
    expect(await loopEnd(two, run, 1)).toMatchObject({ status: 200, result: 'the first answer' });
  });

  it('is asking the model: it asks again, and the turn is there once', async () => {
    model.answer({ kind: 'hang' });
    const asked = model.requests.length;
    const { run, loop } = await act(one);
    await model.received(asked + 1);
    model.answer({ kind: 'say', text: 'here again', calls: [sh('echo ran >> asking-runs')] }, { kind: 'say', text: 'done' });
    const two = await restart();
    const { path } = await two.notice('run/proposal', (params) => params['run'] === run);
    await accept(two, run, path);
    expect(await loopEnd(two, run, loop)).toMatchObject({ status: 200, result: 'done' });
    expect(await live.text('asking-runs')).toBe('ran\n');
    const turns = await two.call<{ path: string }[]>('getEntries', { run, pattern: 'log://*/model/text' });
    expect(turns.map((entry) => entry.path)).toEqual(['log://turn_1/model/text', 'log://turn_2/model/text']);
    expect(model.requests.length).toBe(asked + 3);
  });

  it('waits for a proposal: it is answered once, and the loop goes on', async () => {
    const asked = model.requests.length;
    model.answer({ kind: 'say', calls: [sh('echo ran >> waiting-runs; echo out')] }, { kind: 'say', text: 'done' });
    const { run, loop } = await act(one);
    const { path } = await one.notice('run/proposal', (params) => params['run'] === run);
    const two = await restart();
    expect(await two.call('getRun', { run })).toMatchObject({ status: 202, proposals: [path] });
    await accept(two, run, path);
    await expect(accept(two, run, path)).rejects.toMatchObject({ data: { name: 'proposal_resolved' } });
    expect(await loopEnd(two, run, loop)).toMatchObject({ status: 200, result: 'done' });
    expect(told()).toContain('out');
    expect(await live.text('waiting-runs')).toBe('ran\n');
    expect(model.requests.length).toBe(asked + 2);
  });

  it('waits for a command that streams: it has all of its output, and the command ran once', async () => {
    const asked = model.requests.length;
    model.answer(
      { kind: 'say', calls: [sh(`echo ran >> streaming-runs; echo first; ${until('streaming-go')}; echo last; exit 3`)] },
      { kind: 'say', text: 'done' },
    );
    const { run, loop } = await act(one, { yolo: true });
    const { path } = await one.notice('stream/started', (params) => params['run'] === run);
    await one.call('stream/subscribe', { run, path, channel: 1 });
    await one.notice('stream/chunk', (params) => params['path'] === path);
    await live.server.crash();
    await go('streaming-go');
    await live.start();
    const two = await live.client();
    expect(await loopEnd(two, run, loop)).toMatchObject({ status: 200, result: 'done' });
    expect(told()).toMatch(/exit:3[^]*first\nlast/);
    expect(await live.text('streaming-runs')).toBe('ran\n');
    expect(model.requests.length).toBe(asked + 2);
  });

  it('dispatches the second of three actions: each of the three is done once', async () => {
    const asked = model.requests.length;
    const calls = [sh('echo a >> three'), sh(`echo b >> three; touch three-second; ${until('three-go')}; echo end`), sh('echo c >> three')];
    model.answer({ kind: 'say', calls }, { kind: 'say', text: 'done' });
    const { run, loop } = await act(one, { yolo: true });
    await live.written('three-second');
    const two = await restart();
    expect(await live.text('three')).toBe('a\nb\n');
    await go('three-go');
    expect(await loopEnd(two, run, loop)).toMatchObject({ status: 200, result: 'done' });
    expect(await live.text('three')).toBe('a\nb\nc\n');
    const commands = await two.call<{ status: number }[]>('getEntries', { run, pattern: 'log://turn_1/sh/*', body: false });
    expect(commands.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(model.requests.length).toBe(asked + 2);
  });

  it('waits in the background for a command, its loop over: the next turn is told of the end once', async () => {
    const command = `echo ran >> background-runs; ${until('background-go')}; echo late; exit 7`;
    model.answer({ kind: 'say', calls: [sh(command, { yield_ms: 0 })] }, { kind: 'say', text: 'left running' });
    const { run, loop } = await act(one, { yolo: true });
    expect(await loopEnd(one, run, loop)).toMatchObject({ status: 200, result: 'left running' });
    await live.server.crash();
    await go('background-go');
    await live.start();
    const two = await live.client();
    const [{ path } = { path: '' }] = await two.call<{ path: string }[]>('stream/list', { run });
    expect(await ended(two, { run, path })).toMatchObject({ status: 500, outcome: 'exit:7' });
    model.answer({ kind: 'say', text: 'seen' });
    const next = await act(two, { run, model: undefined });
    expect(await loopEnd(two, run, next.loop)).toMatchObject({ status: 200, result: 'seen' });
    const news = model.requests
      .at(-1)
      ?.body.messages.filter(({ role, content }) => role === 'user' && String(content).includes('has ended'));
    expect(news).toHaveLength(1);
    expect(String(news?.[0]?.content)).toMatch(/exit 7 after[^]*late/);
    expect(await live.text('background-runs')).toBe('ran\n');
  });

  it('yields to a command that is still running: it goes on waiting, and the command ran once', async () => {
    const asked = model.requests.length;
    model.answer(
      { kind: 'say', calls: [sh(`echo ran >> yield-runs; touch yielding; ${until('yield-go')}; echo end`, { yield_ms: 600_000 })] },
      { kind: 'say', text: 'done' },
    );
    const { run, loop } = await act(one, { yolo: true });
    await live.written('yielding');
    const two = await restart();
    const three = await restartAgain(two);
    await go('yield-go');
    expect(await loopEnd(three, run, loop)).toMatchObject({ status: 200, result: 'done' });
    expect(told()).toContain('end');
    expect(await live.text('yield-runs')).toBe('ran\n');
    expect(model.requests.length).toBe(asked + 2);
  });

  it('has an answer that is not stored yet: the model is asked again, and what it wanted is done once', async () => {
    await live.crashAndStart(faulty('storing log://turn_1/model/text'));
    const faultyClient = await live.client();
    const asked = model.requests.length;
    const answer = { kind: 'say' as const, text: 'I will', calls: [sh('echo ran >> answer-runs')] };
    model.answer(answer, answer, { kind: 'say', text: 'done' });
    const { run, loop } = await act(faultyClient, { yolo: true });
    await live.died();
    await live.start();
    const two = await live.client();
    expect(await loopEnd(two, run, loop)).toMatchObject({ status: 200, result: 'done' });
    expect(await live.text('answer-runs')).toBe('ran\n');
    expect(model.requests.length).toBe(asked + 3);
  });

  it('{#reclaim} takes results out of its context: all of it is stored or nothing, and the model is told once', async () => {
    await live.crashAndStart(faulty('storing log://turn_3/context/reclaimed'));
    const faultyClient = await live.client();
    const long = 'x y z '.repeat(1200);
    const { run } = await faultyClient.call<{ run: string }>('startRun', { model: 'm', contextLimit: 17_000 });
    for (const name of ['a', 'b']) await faultyClient.call('set', { run, path: `known://${name}`, body: long });
    const get = (path: string) => ({ name: 'get', args: JSON.stringify({ path }) });
    model.answer({ kind: 'say', calls: [get('known://a')] }, { kind: 'say', calls: [get('known://b')] });
    const { loop } = await act(faultyClient, { run, model: undefined });
    await live.died();
    const asked = model.requests.length;
    model.answer({ kind: 'say', text: 'done' });
    await live.start();
    const two = await live.client();
    expect(await loopEnd(two, run, loop)).toMatchObject({ status: 200, result: 'done' });
    expect(model.requests.length).toBe(asked + 1);
    const notes = await two.call<{ path: string }[]>('getEntries', { run, pattern: 'log://*/context/*' });
    expect(notes.map(({ path }) => path)).toEqual(['log://turn_3/context/reclaimed']);
    expect(JSON.stringify(model.requests.at(-1)?.body.messages)).toContain('[reclaimed: ');
  });
});
