import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type RuntimeHarness, runtimeHarness } from './harness.ts';

let h: RuntimeHarness;
beforeEach(async () => {
  h = await runtimeHarness();
});
afterEach(() => h.close());

const act = (prompt: string, more: object = {}) => h.runtime.prompt(h.caller(), 'act', { prompt, model: 'm', wait: true, ...more });
const messages = (request: number) => h.model.requests[request]!.body.messages;

describe('{#context} what a turn shows to the model', () => {
  it('is the system text, the instructions of the project, prompts, answers and results, in their order', async () => {
    await writeFile(join(h.root, 'AGENTS.md'), 'Use tabs.');
    h.model.answer(
      { kind: 'say', text: 'Looking.', calls: [{ name: 'get', args: '{"path":"known://"}' }] },
      { kind: 'say', text: 'Nothing there.' },
      { kind: 'say', text: 'Bye.' },
    );
    await act('look', { persona: 'You are terse.' });
    await act('leave', { run: 'm-1' });
    const last = messages(2);
    expect(last.map(({ role }) => role)).toEqual(['system', 'user', 'assistant', 'tool', 'assistant', 'user']);
    expect(last.map(({ content }) => content).slice(1)).toEqual(['look', 'Looking.', 'Nothing below known://.', 'Nothing there.', 'leave']);
    expect(String(messages(0)[0]?.content)).toMatch(/through tools.*You are terse\..*AGENTS\.md.*Use tabs\./s);
  });

  it('begins with the same bytes in every turn of a loop, so that providers can cache it', async () => {
    await writeFile(join(h.root, 'AGENTS.md'), 'first');
    h.model.answer({ kind: 'say', calls: [{ name: 'sh', args: '{"command":"echo second > AGENTS.md"}' }] }, { kind: 'say', text: 'ok' });
    await act('x', { yolo: true });
    expect(messages(1).slice(0, messages(0).length)).toEqual(messages(0));
    h.model.answer({ kind: 'say', text: 'ok' });
    await act('y', { run: 'm-1' });
    expect(String(messages(2)[0]?.content)).toContain('second');
  });

  it('does not follow an instruction file that leads out of the project', async () => {
    await writeFile(join(h.folder, 'secret'), 'hidden');
    await symlink(join(h.folder, 'secret'), join(h.root, 'AGENTS.md'));
    h.model.answer({ kind: 'say', text: 'ok' });
    expect(await act('x')).toMatchObject({ status: 200 });
    expect(JSON.stringify(messages(0))).not.toContain('hidden');
  });

  it('never cuts a long result silently', async () => {
    h.runtime.startRun(h.caller(), { model: 'm', alias: 'r' });
    h.runtime.entries.set(h.caller(), 'r', { path: 'known://long', body: `${'word '.repeat(300)}\n`.repeat(60) });
    h.model.answer({ kind: 'say', calls: [{ name: 'get', args: '{"path":"known://long"}' }] }, { kind: 'say', text: 'ok' });
    await act('x', { run: 'r' });
    expect(String(messages(1).at(-1)?.content)).toMatch(/^\[known:\/\/long: lines 1 to 21 of 60; go on with/);
  });
});

describe('{#context_record} the record of what a model was shown', () => {
  it('names path, byte range and tokens of everything, of output the very bytes', async () => {
    h.model.answer(
      { kind: 'say', text: 'Counting.', calls: [{ name: 'sh', args: '{"command":"seq 1 50000"}' }] },
      { kind: 'say', text: 'ok' },
    );
    await act('count', { yolo: true });
    const first = h.runtime.context(h.sight, 'm-1', { turn: 1 });
    expect(first.pieces.map(({ path }) => path)).toEqual(['prompt://loop_1/system', 'prompt://loop_1/user']);
    const { turn, pieces } = h.runtime.context(h.sight, 'm-1');
    expect(turn).toBe(2);
    expect(pieces.map(({ ordinal }) => ordinal)).toEqual(pieces.map((_, index) => index + 1));
    expect(pieces.filter(({ path }) => path !== null).map(({ path }) => path)).toEqual([
      'prompt://loop_1/system',
      'prompt://loop_1/user',
      'log://turn_1/model/text',
      'log://turn_1/sh/seq-1-50000',
      'sh://turn_1/seq-1-50000_1',
      'sh://turn_1/seq-1-50000_1',
    ]);
    const { id } = h.runtime.requireRun(h.sight, 'm-1');
    const shown = String(messages(1).at(-1)?.content);
    for (const { from, to } of pieces.slice(-2)) {
      const lines = h.streams
        .read({ runId: id, path: 'log://turn_1/sh/seq-1-50000', channel: 1, from, maxBytes: to - from })
        .data.toString()
        .trimEnd()
        .split('\n');
      expect(shown).toContain(`${lines[0]}| ${lines[0]}`);
      expect(shown).toContain(`${lines.at(-1)}| ${lines.at(-1)}`);
    }
    expect(pieces.every(({ tokens }) => tokens >= 0)).toBe(true);
  });

  it('says which turns there are when another is asked for', () => {
    h.runtime.startRun(h.caller(), { model: 'm', alias: 'r' });
    expect(() => h.runtime.context(h.sight, 'r')).toThrow(
      expect.objectContaining({ kind: 'not_found', message: expect.stringContaining('no turn yet') as string }),
    );
  });
});

describe('{#detached} what a model is shown of a command that left something running', () => {
  it('stays what it was at its end, with a line once that has ended too', async () => {
    h.model.answer(
      {
        kind: 'say',
        text: 'Begin.',
        calls: [{ name: 'sh', args: '{"command":"(while [ ! -e go ]; do sleep 0.02; done; echo late) & echo early"}' }],
      },
      { kind: 'say', text: 'ok' },
      { kind: 'say', text: 'ok' },
    );
    await act('serve', { yolo: true });
    const { id } = h.runtime.requireRun(h.sight, 'm-1');
    const [view] = h.streams.list({ runId: id, state: 'leftover' });
    const before = String(messages(1).at(-1)?.content);
    expect(before).toMatch(/in the background: \d process(?:es)? of it still runs? \(pid [\d, ]+\)/);
    await writeFile(join(h.root, 'go'), '');
    await vi.waitUntil(() => h.streams.view(id, view!.entry.path).producer.leftover?.goneAt, { timeout: 10_000 });
    await act('on', { run: 'm-1' });
    const after = String(messages(2).find(({ role }) => role === 'tool')?.content);
    expect(after).toBe(`${before}\n\n[since its end: what it had left running has ended; 5 bytes were written behind this]`);
    expect(after).not.toContain('\nlate');
  });
});
