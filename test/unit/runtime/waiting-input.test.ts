import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RuntimeHarness, runtimeHarness } from './harness.ts';

let h: RuntimeHarness;
beforeEach(async () => {
  h = await runtimeHarness({ quietMs: 60 });
});
afterEach(() => h.close());

const call = (name: string, input: object) => ({ kind: 'say' as const, calls: [{ name, args: JSON.stringify(input) }] });
const say = (text: string) => ({ kind: 'say' as const, text });
const result = (index: number) => String(h.model.requests[index]!.body.messages.filter(({ role }) => role === 'tool').at(-1)?.content);
const events = (type: string) => h.events.filter((event) => event.type === type);
const runId = () => h.runtime.requireRun(h.sight, 'r').id;

/** Starts a command of a client, with stdin. */
async function start(command: string): Promise<string> {
  h.runtime.startRun(h.caller(), { model: 'm', alias: 'r' });
  const { path } = await h.runtime.command(h.caller(), 'sh', { run: 'r', command });
  h.runtime.resolve(h.caller(), 'r', { path, action: 'accept' });
  return path;
}
const type = (path: string, text: string) => h.streams.input(runId(), path, Buffer.from(text));
const listed = () => h.streams.list({ sight: h.sight, state: 'live' }).map(({ waiting }) => waiting);

describe('{#waiting_for_input} a command that waits for input', () => {
  it('is told with its prompt, listed, and told again when it goes on and asks once more', async () => {
    const path = await start('printf "\\033[1mName: \\033[0m" >&2; read -r x; echo "hello $x"; read -r y');
    const first = await h.event('stream/waiting', { path });
    expect(first.payload).toMatchObject({ run: 'r', prompt: 'Name:' });
    expect(Number(first.payload['since'])).toBeLessThanOrEqual(first.at);
    expect(listed()).toEqual([true]);
    expect(h.runtime.runInfo(h.sight, 'r')).toMatchObject({ producers: [path], waiting: [path] });
    await type(path, 'you\n');
    await h.event('stream/resumed', { path });
    await h.event('stream/waiting', { path, prompt: undefined });
    await type(path, 'x\n');
    await h.event('stream/ended', { path });
    expect(h.entry('r', path).attributes['waiting']).toBeUndefined();
    expect(h.runtime.runInfo(h.sight, 'r').waiting).toEqual([]);
  });

  it('is told once for as long as it waits, also over a restart of the server', async () => {
    const path = await start('printf "Go on? "; read -r x');
    await h.event('stream/waiting', { path });
    await h.restart();
    // Looked at again by the new server: the answer to its input is what comes next.
    await type(path, 'y\n');
    await h.event('stream/ended', { path });
    expect(h.store.events.since({ sight: h.sight, seq: 0, limit: 1000 }).filter((event) => event.type === 'stream/waiting')).toHaveLength(
      1,
    );
  });

  it('is cancelled like any other', async () => {
    const path = await start('read -r x');
    await h.event('stream/waiting', { path });
    h.streams.cancel(runId(), path, { by: 'a', reason: null });
    expect(h.entry('r', path).attributes['waiting']).toBeUndefined();
    expect(listed().every((waiting) => waiting === false)).toBe(true);
  });

  it('lets the turn that waits for it go on early, and tells the model what to call', async () => {
    h.model.answer(
      call('sh', { command: 'printf "Proceed? [y/N] "; read -r x; echo "got $x"', stdin: true, yield_ms: 600_000 }),
      say('ok'),
    );
    await h.runtime.prompt(h.caller(), 'act', { prompt: 'x', model: 'm', yolo: true, wait: true });
    expect(result(1)).toContain('It seems to wait for input, after "Proceed? [y/N]". Type with input {"path": "log://turn_1/sh/');
    expect(result(1)).toContain('Proceed? [y/N]');
    expect(result(1)).toMatch(/wait \{"path": .*\} waits for its end; get \{"path": "sh:\/\/turn_1\/\S+_1", "line": -50\} reads/);
  });

  it('ends a wait, and takes the input of the model', async () => {
    h.model.answer(
      call('sh', { command: ': job; sleep 0.3; printf "Proceed? "; read -r x; echo "got $x"', stdin: true, yield_ms: 0 }),
      call('wait', {}),
    );
    await h.runtime.prompt(h.caller(), 'act', { prompt: 'x', model: 'm', yolo: true });
    const path = String((await h.event('stream/started')).payload['path']);
    h.model.answer(call('input', { path, text: 'y\n' }), call('wait', { path }), say('ok'));
    await h.event('run/state', { loop: 1, status: 200 });
    expect(result(2)).toMatch(/seems to wait for input, after "Proceed\?"; type with `input`, or end it with `cancel`\.\nNew in /);
    expect(result(4)).toContain('has ended: exit 0');
  });

  it('is not one that only takes long, nor one whose input is empty', async () => {
    const path = await start('sleep 0.4; echo over');
    await h.event('stream/ended', { path });
    expect(events('stream/waiting')).toEqual([]);
  });
});
