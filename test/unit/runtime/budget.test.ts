import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PluginContext } from '../../../src/hooks/plugin.ts';
import type { ModelEvent } from '../../../src/model/ports/model-provider.ts';
import { ceilingAfterRefusal } from '../../../src/runtime/loop/budget.ts';
import { packetText, rebuild } from '../../support/rebuild.ts';
import { type RuntimeHarness, runtimeHarness } from './harness.ts';

let h: RuntimeHarness;
beforeEach(async () => {
  // Few tools, so that ceilings are about results.
  const few = new Set(['sh', 'get', 'set']);
  const setup = ({ filter }: PluginContext) => filter('tools.offered', (names) => names.filter((name) => few.has(name)));
  h = await runtimeHarness({ more: [{ name: 'few-tools', setup }] });
});
afterEach(() => h.close());

const act = (prompt: string, more: object = {}) =>
  h.runtime.prompt(h.caller(), 'act', { prompt, model: 'm', wait: true, yolo: true, ...more });
const get = (path: string) => ({ name: 'get', args: JSON.stringify({ path }) });
const sh = (command: string) => ({ name: 'sh', args: JSON.stringify({ command }) });
const messages = (request: number) => h.model.requests[request]!.body.messages;
const results = (request: number) =>
  messages(request)
    .filter(({ role }) => role === 'tool')
    .map(({ content }) => String(content));
const words = (count: number, word = 'word') => `${`${word} `.repeat(20).trim()}\n`.repeat(count / 20);
const reclaimed = () => h.runtime.entries.list(h.sight, { run: 'r', pattern: 'log://*/context/*' });

/** A run with notes of so many words, read one a turn; returns how many requests there were. */
async function readNotes(sizes: readonly number[], contextLimit: number): Promise<number> {
  h.runtime.startRun(h.caller(), { model: 'm', alias: 'r', contextLimit });
  for (const [index, size] of sizes.entries()) {
    h.runtime.entries.set(h.caller(), 'r', { path: `known://note-${index}`, body: words(size, `w${index}`) });
    h.model.answer({ kind: 'say', text: `reading ${index}`, calls: [get(`known://note-${index}`)] });
  }
  h.model.answer({ kind: 'say', text: 'done' });
  expect(await act('read them', { run: 'r' })).toMatchObject({ status: 200, result: 'done' });
  return h.model.requests.length;
}

describe('{#reclaim} over its ceiling a context', () => {
  it('gives up old results, the oldest and largest first, says so to the log and to the model, and keeps the entries', async () => {
    const requests = await readNotes([40, 3000, 40, 1500, 1000, 800], 9000);
    const shown = results(requests - 1);
    expect(shown).toHaveLength(6);
    expect(shown[1]).toMatch(/^\[reclaimed: \d,\d{3} tokens; get \{"path": "log:\/\/turn_2\/get\/known-note-1"\} reads it again\]$/);
    // What is small is not worth a stub, and what was read last is what the model works with.
    expect(shown[0]).toContain('w0 w0');
    expect(shown[5]).toContain('w5 w5');
    const notes = await reclaimed();
    expect(notes.length).toBeGreaterThan(0);
    expect(notes[0]).toMatchObject({
      status: 413,
      outcome: 'reclaimed',
      path: expect.stringMatching(/^log:\/\/turn_\d\/context\/reclaimed$/) as string,
    });
    expect(notes[0]!.body).toMatch(/over its ceiling of 7,875\..*log:\/\/turn_2\/get\/known-note-1: \d,\d{3} tokens/s);
    expect(JSON.stringify(messages(requests - 1))).toContain('over its ceiling of 7,875');
    const entry = h.entry('r', 'log://turn_2/get/known-note-1');
    expect(entry).toMatchObject({ visibility: 'summarized', status: 200 });
    expect(entry.body).toContain('w1 w1');
  });

  it('is broken once by a reclamation, not with every turn, and the record names what is left', async () => {
    const requests = await readNotes(
      Array.from({ length: 20 }, () => 900),
      20_000,
    );
    const packets = h.model.requests.map(({ body }) => packetText(body));
    const broken = packets.filter((packet, turn) => turn > 0 && !packet.startsWith(packets[turn - 1]!)).length;
    expect(broken).toBe((await reclaimed()).length);
    expect(broken).toBeGreaterThanOrEqual(2);
    expect(broken).toBeLessThanOrEqual(5);
    const last = h.runtime.context(h.sight, 'r');
    const again = await rebuild(last, async (path, from, to) => Buffer.from(h.entry('r', path).body).subarray(from, to));
    expect(again.messages).toEqual(messages(requests - 1));
    const taken = last.pieces.filter(({ path }) => path === 'log://turn_1/get/known-note-0');
    expect(taken).toEqual([]);
  });

  it('keeps of a command what it was and how it ended, and names its channels', async () => {
    h.runtime.startRun(h.caller(), { model: 'm', alias: 'r', contextLimit: 9000 });
    for (let turn = 0; turn < 4; turn++) h.model.answer({ kind: 'say', calls: [sh(`seq ${turn}0000 ${turn}9000; exit ${turn}`)] });
    h.model.answer({ kind: 'say', text: 'done' });
    await act('count', { run: 'r' });
    const [, second] = results(4);
    expect(second).toContain('exit:1');
    expect(second).toMatch(/seq 10000 19000[^]*\[reclaimed: \d,\d{3} tokens; get \{"path": "sh:\/\/turn_2\/seq-10000-19000-exit-1_1"\}/);
  });

  it('is what a client or the model makes of it: hidden and shown again', async () => {
    h.runtime.startRun(h.caller(), { model: 'm', alias: 'r' });
    h.runtime.entries.set(h.caller(), 'r', { path: 'known://a', body: words(2000, 'alpha') });
    const hide = { name: 'set', args: '{"path":"log://turn_1/get/known-a","visibility":"archived"}' };
    h.model.answer(
      { kind: 'say', calls: [get('known://a')] },
      { kind: 'say', calls: [hide] },
      { kind: 'say', text: 'a' },
      { kind: 'say', text: 'b' },
    );
    await act('x', { run: 'r' });
    expect(results(1)[0]).toContain('alpha alpha');
    expect(results(2)[0]).toMatch(/^\[archived: \d,\d{3} tokens; get/);
    h.runtime.entries.set(h.caller(), 'r', { path: 'log://turn_1/get/known-a', visibility: 'visible' });
    await act('y', { run: 'r' });
    expect(results(3)[0]).toContain('alpha alpha');
    expect(() => h.runtime.entries.set(h.caller(), 'r', { path: 'log://turn_1/get/known-a', body: 'forged' })).toThrow(
      expect.objectContaining({ kind: 'forbidden' }),
    );
    expect(() => h.runtime.entries.set(h.caller(), 'r', { path: 'log://turn_9/get/x', visibility: 'archived' })).toThrow(
      expect.objectContaining({ kind: 'not_found' }),
    );
  });
});

describe('{#context_budget} the ceiling', () => {
  it('is the least of the setting and the length of the model, and counts the tools', async () => {
    h.runtime.addModel(h.caller(), { alias: 'small', actual: 'x', provider: 'local', contextLength: 2000 });
    expect(await act('word '.repeat(1800), { model: 'small', contextLimit: 100_000 })).toMatchObject({
      status: 500,
      outcome: 'model_context',
    });
    expect(h.model.requests).toHaveLength(0);
    const { pieces, requests } = h.runtime.context(h.sight, 'small-1');
    expect(requests).toBe(0);
    expect(pieces.map(({ path }) => path)).toContain('prompt://loop_1/user');
    const { body, status } = h.entry('small-1', 'log://turn_1/model/error');
    expect(status).toBe(413);
    expect(body).toMatch(/over the limit of 2,000, of which 250 are left for the answer, and nothing more can be taken out.*contextLimit/);
  });

  it.each([
    ["This model's maximum context length is 8192 tokens. However, your messages resulted in 10240 tokens.", 7200],
    ['maximum context length is 4096 tokens, however you requested 5,000 tokens (4000 in your prompt; 1000 for the completion).', 7372],
    ['prompt is too long: 210000 tokens > 200000 maximum', 8571],
    ['the request exceeds the available context size (4096 tokens)', 3686],
    ['too long', 7000],
  ])('after a refusal is drawn from its numbers: %s', (message, limit) => {
    expect(ceilingAfterRefusal(message, 10_000).limit).toBe(limit);
  });

  it('is taught by a provider that finds a context too long: it is asked once more with less, and remembered', async () => {
    h.runtime.startRun(h.caller(), { model: 'm', alias: 'r' });
    h.runtime.entries.set(h.caller(), 'r', { path: 'known://a', body: words(3000, 'alpha') });
    h.runtime.entries.set(h.caller(), 'r', { path: 'known://b', body: words(600, 'beta') });
    const refusal = {
      error: { message: "This model's maximum context length is 9000 tokens, however your messages resulted in 9500 tokens." },
    };
    const tooLong = { kind: 'status', status: 400, body: JSON.stringify(refusal) } as const;
    h.model.answer(
      { kind: 'say', calls: [get('known://a')] },
      tooLong,
      { kind: 'say', calls: [get('known://b')] },
      { kind: 'say', text: 'done' },
    );
    expect(await act('x', { run: 'r' })).toMatchObject({ status: 200, result: 'done' });
    expect(results(1)[0]).toContain('alpha');
    expect(results(2)[0]).toContain('[reclaimed: ');
    expect(await reclaimed()).toHaveLength(1);
    // The next long result meets the remembered ceiling before it is sent.
    h.model.answer({ kind: 'say', calls: [get('known://a')] }, { kind: 'say', text: 'again' });
    expect(await act('y', { run: 'r' })).toMatchObject({ status: 200, result: 'again' });
    expect((await reclaimed()).length).toBeGreaterThan(1);
    expect(h.model.requests.at(-1)!.body.messages.length).toBeGreaterThan(0);
  });

  it('ends the loop when a provider refuses twice, or when nothing can be taken', async () => {
    h.runtime.startRun(h.caller(), { model: 'm', alias: 'r' });
    h.runtime.entries.set(h.caller(), 'r', { path: 'known://a', body: words(3000) });
    const tooLong = { kind: 'status', status: 413, body: '{"error":{"message":"too long"}}' } as const;
    h.model.answer(tooLong);
    expect(await act('x', { run: 'r' })).toMatchObject({ status: 500, outcome: 'model_context' });
    expect(h.model.requests).toHaveLength(1);
    h.model.answer({ kind: 'say', calls: [get('known://a')] }, tooLong, tooLong);
    expect(await act('y', { run: 'r' })).toMatchObject({ status: 500, outcome: 'model_context' });
    expect(h.model.requests).toHaveLength(4);
  });
});

describe('{#usage} what a run has cost', () => {
  it('is kept of every turn and of the run, repetitions counted, and told when a turn is done', async () => {
    h.runtime.addModel(h.caller(), { alias: 'priced', actual: 'p', provider: 'local', price: { input: 2, output: 10, cached: 0.5 } });
    h.model.answer({ kind: 'say' }, { kind: 'say', text: 'a', calls: [get('known://')], cachedTokens: 100 }, { kind: 'say', text: 'b' });
    await act('x', { model: 'priced' });
    const info = h.runtime.runInfo(h.sight, 'priced-1');
    // 120 tokens in and 30 out a request; the first answer was empty.
    const first = (140 * 2 + 100 * 0.5 + 60 * 10) / 1e6;
    const second = (120 * 2 + 30 * 10) / 1e6;
    expect(info.usage).toEqual({ inputTokens: 360, outputTokens: 90, cachedTokens: 100 });
    expect(info.cost).toBeCloseTo(first + second, 12);
    expect(info.turns).toMatchObject([
      { turn: 1, loop: 1, phase: 'done', requests: 2, usage: { inputTokens: 240 } },
      { turn: 2, loop: 1, phase: 'done', requests: 1 },
    ]);
    for (const { firstMs, totalMs } of info.turns) expect(totalMs).toBeGreaterThanOrEqual(firstMs!);
    const { payload } = await h.event('run/progress', { turn: 1, phase: 'done' });
    expect(payload).toMatchObject({ usage: { inputTokens: 240 }, cost: info.turns[0]!.cost });
  });

  it('has its own price for input that the provider writes to its cache', async () => {
    const usage = { inputTokens: 100, outputTokens: 10, cachedTokens: 50, cacheWriteTokens: 30 };
    const ask = async function* (): AsyncGenerator<ModelEvent> {
      yield { type: 'text', text: 'ok' };
      yield { type: 'finish', reason: 'stop', usage };
    };
    const caching = await runtimeHarness({ providers: [{ name: 'local', ask }] });
    try {
      const price = { input: 2, output: 10, cached: 0.5, written: 2.5 };
      caching.runtime.addModel(caching.caller(), { alias: 'priced', actual: 'p', provider: 'local', price });
      await caching.runtime.prompt(caching.caller(), 'act', { prompt: 'x', model: 'priced', wait: true });
      const { payload } = await caching.event('run/progress', { turn: 1, phase: 'done' });
      expect(payload['usage']).toEqual({ inputTokens: 100, outputTokens: 10, cachedTokens: 50 });
      expect(payload['cost']).toBeCloseTo((20 * 2 + 50 * 0.5 + 30 * 2.5 + 10 * 10) / 1e6, 12);
    } finally {
      await caching.close();
    }
  });

  it('is null and never 0 where a price is not known, also for the run', async () => {
    h.model.answer({ kind: 'say', text: 'a' }, { kind: 'say', text: 'b' });
    await act('x');
    expect(h.runtime.runInfo(h.sight, 'm-1')).toMatchObject({ cost: null, turns: [{ cost: null, usage: { inputTokens: 120 } }] });
    h.runtime.addModel(h.caller(), { alias: 'priced', actual: 'p', provider: 'local', price: { input: 1, output: 1 } });
    await act('y', { run: 'm-1', model: 'priced' });
    const { cost, turns } = h.runtime.runInfo(h.sight, 'm-1');
    expect(turns.map((turn) => turn.cost)).toEqual([null, 150 / 1e6]);
    expect(cost).toBeNull();
  });

  it('uses the price of the configuration for a model that was added without one', async () => {
    await h.restart(undefined, undefined, { prices: { 'test-model': { input: 10, output: 0 } } });
    h.model.answer({ kind: 'say', text: 'a' });
    await act('x');
    expect(h.runtime.runInfo(h.sight, 'm-1').cost).toBeCloseTo(0.0012, 12);
    expect(h.runtime.models(h.project.id).find(({ alias }) => alias === 'm')?.price).toEqual({ input: 10, output: 0 });
  });

  it('counts what was spent before a model failed', async () => {
    h.model.answer({ kind: 'say' }, { kind: 'say' });
    expect(await act('x')).toMatchObject({ outcome: 'model_empty' });
    expect(h.runtime.runInfo(h.sight, 'm-1')).toMatchObject({ usage: { inputTokens: 240 }, turns: [{ requests: 2 }] });
  });
});
