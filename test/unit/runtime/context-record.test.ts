import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseChannelPath } from '../../../src/model/paths.ts';
import { packetText, type ReadBytes, rebuild } from '../../support/rebuild.ts';
import { type RuntimeHarness, runtimeHarness } from './harness.ts';

let h: RuntimeHarness;
beforeEach(async () => {
  h = await runtimeHarness();
});
afterEach(() => h.close());

const act = (prompt: string, more: object = {}) =>
  h.runtime.prompt(h.caller(), 'act', { prompt, model: 'm', wait: true, yolo: true, ...more });
const sh = (command: string, more: object = {}) => ({ name: 'sh', args: JSON.stringify({ command, ...more }) });
const get = (path: string) => ({ name: 'get', args: JSON.stringify({ path }) });
const body = (request: number) => h.model.requests[request]!.body;

/** Reads as a client does, through the public methods. */
const reader =
  (run: string): ReadBytes =>
  async (path, from, to) => {
    const channel = parseChannelPath(path);
    if (!channel) return Buffer.from(h.entry(run, path).body).subarray(from, to);
    const { turn, action, slug } = channel;
    const { id } = h.runtime.requireRun(h.sight, run);
    const log = `log://turn_${turn}/${action}/${slug}`;
    return h.streams.read({ runId: id, path: log, channel: channel.channel, from, maxBytes: to - from }).data;
  };

/** Every turn's packet made again from its record is the very request that the model's server got. */
async function expectRebuilt(run: string, requests: readonly number[]): Promise<void> {
  for (const [index, request] of requests.entries()) {
    const again = await rebuild(h.runtime.context(h.sight, run, { turn: index + 1 }), reader(run));
    expect(again.messages).toEqual(body(request).messages);
    expect(again.tools).toEqual(body(request).tools);
  }
}

describe('{#context_record} the packet of a turn is made again from its record', () => {
  it('with instructions, answers, calls, results, errors, notes, injected messages and a nudge', async () => {
    await writeFile(join(h.root, 'AGENTS.md'), 'Use tabs.\n');
    h.runtime.startRun(h.caller(), { model: 'm', alias: 'r' });
    h.runtime.entries.set(h.caller(), 'r', { path: 'known://note', body: 'naïve ✓\n\ud83d\ude00\n' });
    h.model.answer(
      { kind: 'say', text: 'Lööking.', calls: [get('known://note'), sh('echo out; echo err >&2; exit 3')] },
      {
        kind: 'say',
        calls: [
          { name: 'nonsense', args: '{"a":[1,"\\u00e9"]}' },
          { name: 'set', args: '{"path":"known://note"' },
        ],
      },
      { kind: 'say' },
      { kind: 'say', text: 'Done.' },
      { kind: 'say', text: 'Bye.' },
    );
    await act('look', { run: 'r' });
    h.runtime.entries.set(h.caller(), 'r', { path: 'known://note', body: 'changed since' });
    h.runtime.inject(h.caller(), 'r', 'by the way');
    await act('leave', { run: 'r' });
    // Turn 3 was asked twice: its record is that of the second request, with the nudge.
    await expectRebuilt('r', [0, 1, 3, 4]);
    const nudged = h.runtime.context(h.sight, 'r', { turn: 3 });
    expect(nudged.pieces.at(-1)).toMatchObject({ form: 'literal', path: null, text: expect.stringContaining('empty') as string });
    expect(nudged).toMatchObject({ requests: 2, usage: { inputTokens: 240, outputTokens: 60 } });
  });

  it('with digests of big, noisy and binary output, bytes that are no text, and a command that ends in the background', async () => {
    h.model.answer(
      {
        kind: 'say',
        calls: [sh('seq 1 50000'), sh("printf '\\033[31mred\\033[0m\\r50%%\\r100%%\\n'"), sh("printf 'caf\\351 \\377\\376\\n'")],
      },
      {
        kind: 'say',
        calls: [sh('head -c 3000 /dev/zero; echo'), sh('while [ ! -e go ]; do sleep 0.02; done; echo late', { yield_ms: 0 })],
      },
      { kind: 'say', calls: [sh('touch go')] },
      { kind: 'say', text: 'waiting' },
      { kind: 'say', text: 'ok' },
    );
    await act('x');
    await h.event('stream/ended', { path: 'log://turn_2/sh/while-e-go-do-sleep-0-02-done-echo-late' });
    await act('y', { run: 'm-1' });
    await expectRebuilt('m-1', [0, 1, 2, 3, 4]);
    const { pieces } = h.runtime.context(h.sight, 'm-1');
    expect(JSON.stringify(body(4).messages)).toContain('late');
    expect(new Set(pieces.map(({ form }) => form))).toEqual(new Set(['exact', 'digest', 'literal']));
    // Every stretch that is called exact is in the channel byte for byte; what a digest was made of is named as well.
    const seq = pieces.filter(({ path }) => path === 'sh://turn_1/seq-1-50000_1');
    expect(seq.length).toBeGreaterThanOrEqual(2);
    expect(seq.every(({ from, to }) => to > from)).toBe(true);
  });

  it('can be had without its texts, and says which turns there are when another is asked for', async () => {
    h.model.answer({ kind: 'say', text: 'ok', calls: [get('known://')] }, { kind: 'say', text: 'ok' });
    await act('x');
    const slim = h.runtime.context(h.sight, 'm-1', { body: false });
    expect(slim.tools).toEqual([]);
    expect(slim.pieces.length).toBeGreaterThan(0);
    expect(slim.pieces.some((piece) => 'text' in piece)).toBe(false);
    expect(slim.messages.some((message) => 'calls' in message)).toBe(false);
    expect(() => h.runtime.context(h.sight, 'm-1', { turn: 3 })).toThrow(
      expect.objectContaining({ kind: 'not_found', message: expect.stringContaining('1 to 2') as string }),
    );
  });
});

describe('{#context} the packet of a turn begins with the packet of the turn before it', () => {
  it('over many turns with background ends, commands of clients, injected messages and a second loop', async () => {
    const turns = 12;
    for (let turn = 1; turn < turns; turn++) {
      const calls =
        turn % 3 === 0 ? [sh(`sleep 0.05; echo background ${turn}`, { yield_ms: 0 })] : [sh(`seq ${turn} ${turn * 700}`), get('known://')];
      h.model.answer({ kind: 'say', text: `turn ${turn}`, calls });
    }
    h.model.answer({ kind: 'say', text: 'end' }, { kind: 'say', text: 'again', calls: [get('known://')] }, { kind: 'say', text: 'end' });
    const first = act('x');
    for (let turn = 2; turn <= turns; turn += 2) {
      await h.model.received(turn);
      h.runtime.inject(h.caller(), 'm-1', `message ${turn}`);
    }
    await first;
    await h.runtime.command(h.caller(), 'sh', { run: 'm-1', command: 'echo by a client' });
    h.runtime.inject(h.caller(), 'm-1', 'between loops');
    await act('y', { run: 'm-1' });
    expect(h.model.requests).toHaveLength(turns + 2);
    const packets = h.model.requests.map(({ body }) => packetText(body));
    for (let turn = 1; turn < packets.length; turn++) {
      expect(packets[turn]!.startsWith(packets[turn - 1]!), `turn ${turn + 1}`).toBe(true);
      expect(packets[turn]!.length).toBeGreaterThan(packets[turn - 1]!.length);
    }
    await expectRebuilt(
      'm-1',
      packets.map((_, index) => index),
    );
  });

  it('also when a message came in while a turn was about to be asked, and was asked again after a restart', async () => {
    h.model.answer({ kind: 'hang' });
    await h.runtime.prompt(h.caller(), 'act', { prompt: 'x', model: 'm', yolo: true });
    await h.model.received(1);
    h.runtime.inject(h.caller(), 'm-1', 'while you think');
    h.model.answer({ kind: 'say', text: 'a', calls: [get('known://')] }, { kind: 'say', text: 'b' });
    await h.restart();
    await h.event('run/state', { loop: 1, status: 200 });
    const [, second, third] = h.model.requests.map(({ body }) => packetText(body));
    expect(second).toContain('while you think');
    expect(third!.startsWith(second!)).toBe(true);
  });
});
