import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type RuntimeHarness, runtimeHarness } from './harness.ts';

let h: RuntimeHarness;
beforeEach(async () => {
  h = await runtimeHarness({ quietMs: 60 });
});
afterEach(() => h.close());

const PATH = 'log://turn_1/sh/job';
const until = (file: string) => `while [ ! -e ${file} ]; do sleep 0.02; done`;
const HELD = until('go');
const call = (name: string, input: object) => ({ kind: 'say' as const, calls: [{ name, args: JSON.stringify(input) }] });
const say = (text: string) => ({ kind: 'say' as const, text });
const act = (params: object = {}) => h.runtime.prompt(h.caller(), 'act', { prompt: 'x', model: 'm', yolo: true, ...params });
const again = (params: object = {}) => h.runtime.prompt(h.caller(), 'act', { prompt: 'y', run: 'm-1', yolo: true, wait: true, ...params });
const loopEnd = (loop: number, status = 200) => h.event('run/state', { loop, status });
const release = (file = 'go') => writeFile(join(h.root, file), '');
const runId = () => h.runtime.requireRun(h.sight, 'm-1').id;
/** The call that starts a script in the background, as `log://turn_1/sh/job` when it is the first turn's. */
async function job(script: string, more: object = {}, name = 'job') {
  await writeFile(join(h.root, name), script);
  return call('sh', { command: `. ./${name}`, yield_ms: 0, ...more });
}
/** The last tool result in the request with that index. */
const result = (index: number) => String(h.model.requests[index]!.body.messages.filter(({ role }) => role === 'tool').at(-1)?.content);
const everything = (index: number) => JSON.stringify(h.model.requests[index]!.body.messages);

describe('{#tool_wait} the tool wait', () => {
  it('waits for the end of a command, which is told with its output right after', async () => {
    h.model.answer(await job(`${HELD}; echo the output; exit 3`), call('wait', {}), say('ok'));
    await act();
    await h.model.received(2);
    await release();
    await loopEnd(1);
    expect(result(2)).toMatch(/^log:\/\/turn_1\/sh\/job has ended: exit 3 after [^\n]*\.\n\nNo command of this run is running now\.$/);
    expect(everything(2)).toContain('the output');
  });

  it('ends at a line with the text that came since the model was last shown the output, and quotes what is new', async () => {
    h.model.answer(
      await job(
        `${until('first')}; echo listening on port 1; echo shown; ${HELD}; printf 'a\\033[1mb\\nnow listening on port 2\\n'; sleep 60`,
      ),
      say('ok'),
    );
    await act();
    await loopEnd(1);
    await release('first');
    await vi.waitUntil(() => h.streams.view(runId(), PATH).channels[0]!.bytes === 'listening on port 1\nshown\n'.length, {
      timeout: 20_000,
    });
    h.model.answer(call('wait', { path: PATH, ms: 0 }), call('wait', { path: PATH, until: 'listening*port' }), say('ok'));
    const second = again();
    await h.model.received(4);
    await release();
    await second;
    expect(result(3)).toContain('listening on port 1\nshown');
    expect(result(4)).toContain(`${PATH} has written: now listening on port 2`);
    expect(result(4)).toMatch(/New in sh:\/\/turn_1\/job_1, from line 3 on \(bytes 26 to \d+\):\nab\nnow listening on port 2$/);
  });

  it('ends when its time is over, says so, and is no reason to end the loop as a repetition', async () => {
    const wait = call('wait', { path: PATH, ms: 30 });
    h.model.answer(await job('sleep 60'), wait, wait, wait, wait, say('ok'));
    await act();
    await loopEnd(1);
    expect(result(5)).toMatch(/^30 ms are over\.\n\nlog:\/\/turn_1\/sh\/job runs for \d+\.\d s\.$/);
  });

  it('without a path lists what runs, with ms 0 at once, and says when nothing does', async () => {
    h.model.answer(call('wait', {}), await job('sleep 60'), call('wait', { ms: 0 }), say('ok'));
    await act();
    await loopEnd(1);
    expect(result(1)).toBe('No command of this run is running.');
    expect(result(3)).toMatch(/Running now:\n- log:\/\/turn_2\/sh\/job \(\d+\.\d s\): \. \.\/job$/);
  });

  it('refuses a path that is no command, with what there is to do', async () => {
    h.model.answer(call('wait', { path: 'log://turn_1/sh/nothing' }), say('ok'));
    await act();
    await loopEnd(1);
    expect(result(1)).toContain('no entry log://turn_1/sh/nothing in this run');
  });

  it('goes on after a restart of the server, with the time that has passed counted', async () => {
    h.model.answer(await job(`${HELD}; echo late`), call('wait', { ms: 3600_000 }), say('ok'));
    await act();
    await h.event('entry/changed', { path: 'log://turn_2/wait/wait' });
    await h.restart(() => release());
    await loopEnd(1);
    expect(result(2)).toContain('has ended: exit 0');
  });

  it('is over in time after a restart that took longer than it was to wait', async () => {
    h.model.answer(await job('sleep 60'), call('wait', { ms: 3600_000 }), say('ok'));
    await act();
    await vi.waitUntil(() => h.store.entries.get(runId(), 'log://turn_2/wait/wait')?.attributes['begun_at'] !== undefined, {
      timeout: 20_000,
    });
    await h.restart(
      () => {},
      () => {
        const entry = h.store.entries.get(runId(), 'log://turn_2/wait/wait')!;
        h.store.entries.update(entry.id, { attributes: { ...entry.attributes, begun_at: Date.now() - 3600_000 } });
      },
    );
    await loopEnd(1);
    expect(result(2)).toContain('3600000 ms are over');
  });

  it('is ended by run/abort, and the command runs on', async () => {
    h.model.answer(await job('sleep 60'), call('wait', {}));
    await act();
    await vi.waitUntil(() => h.store.entries.get(runId(), 'log://turn_2/wait/wait')?.attributes['begun_at'] !== undefined, {
      timeout: 20_000,
    });
    h.runtime.abort(h.caller(), 'm-1');
    expect(h.entry('m-1', 'log://turn_2/wait/wait')).toMatchObject({ status: 499, outcome: 'aborted' });
    expect(h.entry('m-1', PATH).status).toBe(102);
    expect(h.lines.filter(({ message }) => message === 'a tool failed')).toEqual([]);
  });
});

describe('{#tool_signal} the tool signal', () => {
  it('sends a signal to a command of the model, without asking anybody', async () => {
    h.model.answer(
      await job(`trap 'echo got it; exit 0' INT; touch up; ${HELD}`),
      call('wait', { path: PATH, ms: 200 }),
      call('signal', { path: PATH, signal: 'INT' }),
      call('wait', { path: PATH }),
      say('ok'),
    );
    await h.runtime.prompt(h.caller(), 'act', { prompt: 'x', model: 'm' });
    h.runtime.resolve(h.caller(), 'm-1', { path: String((await h.event('run/proposal')).payload['path']), action: 'accept' });
    await loopEnd(1);
    expect(result(3)).toContain(`Sent INT to ${PATH}.`);
    expect(everything(4)).toContain('got it');
    expect(h.events.filter(({ type }) => type === 'run/proposal')).toHaveLength(1);
  });

  it('refuses a command of a user, a signal that does not exist, and a command that has ended', async () => {
    h.runtime.startRun(h.caller(), { model: 'm', alias: 'm-1' });
    const { path } = await h.runtime.command(h.caller(), 'sh', { run: 'm-1', command: 'sleep 60' });
    h.runtime.resolve(h.caller(), 'm-1', { path, action: 'accept' });
    h.model.answer(
      call('signal', { path, signal: 'INT' }),
      call('cancel', { path }),
      await job('sleep 60'),
      call('signal', { path: 'log://turn_3/sh/job', signal: 'NOPE' }),
      call('cancel', { path: 'log://turn_3/sh/job' }),
      call('signal', { path: 'log://turn_3/sh/job', signal: 'INT' }),
      say('ok'),
    );
    await again();
    expect(result(1)).toMatch(/^\[403 forbidden\].*is a command of a user; ask the user/);
    expect(result(2)).toMatch(/^\[403 forbidden\]/);
    expect(h.entry('m-1', path).status).toBe(102);
    expect(result(4)).toMatch(/signal "NOPE" does not exist/);
    expect(result(6)).toMatch(/^\[409 stream_closed\]/);
  });

  it('is not sent a second time when the server went away while it was', async () => {
    h.model.answer(await job('trap "echo x >> count" INT; while :; do sleep 0.02; done'), call('sh', { command: 'true' }), say('ok'));
    await h.runtime.prompt(h.caller(), 'act', { prompt: 'x', model: 'm' });
    h.runtime.resolve(h.caller(), 'm-1', { path: String((await h.event('run/proposal')).payload['path']), action: 'accept' });
    const { payload } = await h.event('run/proposal', { command: 'true' });
    // What the store holds when the server dies between the note that it begins and its end.
    await h.restart(
      () => {},
      () => {
        const run = h.store.runs.byAlias(h.sight, 'm-1')!;
        const entry = h.store.entries.get(run.id, String(payload['path']))!;
        const { loopId, turn } = entry;
        const attributes = { tool: 'signal', call_id: 'c9', input: { path: PATH, signal: 'INT' }, begun_at: Date.now() };
        h.store.entries.create({
          runId: run.id,
          path: `log://turn_${turn}/signal/x`,
          category: 'logging',
          status: 100,
          attributes,
          turn,
          loopId,
          writer: 'model',
        });
      },
    );
    h.runtime.resolve(h.caller(), 'm-1', { path: String(payload['path']), action: 'accept' });
    await loopEnd(1);
    expect(h.entry('m-1', 'log://turn_2/signal/x')).toMatchObject({ status: 500, outcome: 'interrupted' });
    await expect(readFile(join(h.root, 'count'))).rejects.toThrow();
  });
});

describe('{#tool_cancel} the tool cancel', () => {
  it('ends the whole tree and says what was confirmed dead', async () => {
    h.model.answer(await job('sleep 61 & sleep 62'), call('cancel', { path: PATH, reason: 'enough' }), say('ok'));
    await act();
    await loopEnd(1);
    expect(result(2)).toMatch(/^log:\/\/turn_1\/sh\/job was cancelled: sent SIGTERM to \d+ of its processes; \d+ confirmed dead\.$/);
    expect(h.streams.receipt(runId(), PATH).receipt).toMatchObject({ requestedBy: 'model', reason: 'enough', escaped: [] });
    expect(h.entry('m-1', PATH)).toMatchObject({ status: 499, outcome: 'cancelled' });
  });

  it('and a cancel of a client that crosses it have one receipt', async () => {
    h.model.answer(
      await job('trap "" TERM; touch up; sleep 60 & while :; do sleep 0.02; done'),
      call('sh', { command: 'true', yield_ms: 5000 }),
      call('cancel', { path: PATH }),
      say('ok'),
    );
    await act();
    await vi.waitUntil(
      async () =>
        await readFile(join(h.root, 'up')).then(
          () => true,
          () => false,
        ),
      { timeout: 20_000 },
    );
    h.streams.cancel(runId(), PATH, { by: 'alice', reason: 'mine', graceMs: 300 });
    await loopEnd(1);
    const [last] = [result(3), result(2)].filter((text) => text.includes('was cancelled') || text.includes('stream_closed'));
    const { receipt } = h.streams.receipt(runId(), PATH);
    expect(last).toBeDefined();
    expect(h.events.filter(({ type }) => type === 'stream/cancelled')).toHaveLength(1);
    expect(['alice', 'model']).toContain(receipt?.requestedBy);
  });
});

describe('{#tool_input} the tool input', () => {
  it('proposes what it would type, and types it once somebody has accepted', async () => {
    h.model.answer(
      await job('read -r x; echo "got $x"', { stdin: true }),
      call('input', { path: PATH, text: 'yes\n' }),
      call('wait', { path: PATH }),
      say('ok'),
    );
    await h.runtime.prompt(h.caller(), 'act', { prompt: 'x', model: 'm' });
    h.runtime.resolve(h.caller(), 'm-1', { path: String((await h.event('run/proposal')).payload['path']), action: 'accept' });
    const { payload } = await h.event('run/proposal', { action: 'input' });
    expect(payload).toMatchObject({
      summary: 'type "yes\\n" into $ . ./job',
      command: `${PATH} < "yes\\n"`,
      attributes: { subject: '. ./job < yes\n' },
    });
    h.runtime.resolve(h.caller(), 'm-1', { path: String(payload['path']), action: 'accept' });
    await loopEnd(1);
    expect(h.events.find(({ type, payload: p }) => type === 'run/resolved' && p['path'] === payload['path'])?.payload).toMatchObject({
      status: 102,
    });
    expect(result(2)).toContain(`Typed 4 bytes into ${PATH}.`);
    expect(everything(3)).toContain('got yes');
  });

  it('types nothing when it is rejected', async () => {
    h.model.answer(await job('read -r x; echo "got $x"', { stdin: true }), call('input', { path: PATH, text: 'yes\n' }), say('ok'));
    await h.runtime.prompt(h.caller(), 'act', { prompt: 'x', model: 'm' });
    h.runtime.resolve(h.caller(), 'm-1', { path: String((await h.event('run/proposal')).payload['path']), action: 'accept' });
    const { payload } = await h.event('run/proposal', { action: 'input' });
    h.runtime.resolve(h.caller(), 'm-1', { path: String(payload['path']), action: 'reject' });
    await loopEnd(1);
    expect(h.entry('m-1', String(payload['path']))).toMatchObject({ status: 403, outcome: 'rejected' });
    expect(h.streams.view(runId(), PATH).channels[0]!.bytes).toBe(0);
  });

  it('presses keys, ends the input, and refuses what has no stdin, is over, or types nothing', async () => {
    h.model.answer(
      await job('cat', { stdin: true }),
      call('input', { path: PATH, text: 'a', keys: ['enter', 'ctrl-c'], eof: true }),
      call('wait', { path: PATH }),
      call('input', { path: PATH, text: 'more' }),
      call('input', { path: PATH }),
      await job('sleep 60', {}, 'deaf'),
      call('input', { path: 'log://turn_6/sh/deaf', text: 'x' }),
      say('ok'),
    );
    await act();
    await loopEnd(1);
    expect(h.streams.read({ runId: runId(), path: PATH, channel: 1 }).data.toString()).toBe('a\n\u0003');
    expect(result(4)).toMatch(/^\[409 conflict\].*has ended: exit 0/);
    expect(result(5)).toMatch(/^\[422 refused\] Give text, keys or eof/);
    expect(result(7)).toMatch(/^\[501 unsupported\].*stdin: true/);
  });

  it('is typed no second time when the server went away while it was', async () => {
    h.model.answer(await job('cat >> typed', { stdin: true }), call('input', { path: PATH, text: 'once\n' }), say('ok'));
    await h.runtime.prompt(h.caller(), 'act', { prompt: 'x', model: 'm' });
    h.runtime.resolve(h.caller(), 'm-1', { path: String((await h.event('run/proposal')).payload['path']), action: 'accept' });
    const { payload } = await h.event('run/proposal', { action: 'input' });
    const path = String(payload['path']);
    await h.restart(
      () => {},
      () => {
        const run = h.store.runs.byAlias(h.sight, 'm-1')!;
        const entry = h.store.entries.get(run.id, path)!;
        const attributes = {
          ...entry.attributes,
          carried_out: true,
          begun_at: Date.now(),
          resolution: { action: 'accept', by: 'a', at: 1 },
        };
        h.store.entries.update(entry.id, { status: 102, attributes });
        h.store.runs.setStatus(run.id, 102, null);
      },
    );
    await loopEnd(1);
    expect(h.entry('m-1', path)).toMatchObject({ status: 500, outcome: 'interrupted' });
    expect(await readFile(join(h.root, 'typed'), 'utf8')).toBe('');
  });

  it('is typed after a restart when it was accepted before and not begun', async () => {
    h.model.answer(
      await job('cat >> typed', { stdin: true }),
      call('input', { path: PATH, text: 'once\n', eof: true }),
      call('wait', { path: PATH }),
      say('ok'),
    );
    await h.runtime.prompt(h.caller(), 'act', { prompt: 'x', model: 'm' });
    h.runtime.resolve(h.caller(), 'm-1', { path: String((await h.event('run/proposal')).payload['path']), action: 'accept' });
    const path = String((await h.event('run/proposal', { action: 'input' })).payload['path']);
    await h.restart(
      () => {},
      () => void h.runtime.resolve(h.caller(), 'm-1', { path, action: 'accept' }),
    );
    await loopEnd(1);
    expect(await readFile(join(h.root, 'typed'), 'utf8')).toBe('once\n');
  });
});

describe('{#bundled_plugins} in ask mode', () => {
  it('the model may wait, and neither type, signal nor cancel', async () => {
    h.model.answer(say('ok'));
    await h.runtime.prompt(h.caller(), 'ask', { prompt: 'x', model: 'm', wait: true });
    const tools = (h.model.requests[0]!.body.tools ?? []).map((tool) => (tool as { function: { name: string } }).function.name);
    expect(tools).toContain('wait');
    for (const name of ['input', 'signal', 'cancel']) expect(tools).not.toContain(name);
  });
});
