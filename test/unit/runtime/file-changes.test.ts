import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeFiles } from '../../support/project.ts';
import { type RuntimeHarness, runtimeHarness } from './harness.ts';

let h: RuntimeHarness;
beforeEach(async () => {
  h = await runtimeHarness();
  await writeFiles(h.root, { 'src/x.ts': 'one\ntwo\n', 'b.txt': 'b\n' });
});
afterEach(() => h.close());

const PATH = 'log://turn_1/set/file-src-x-ts';
const call = (name: string, input: object) => ({ name, args: JSON.stringify(input) });
const edit = (old: string, fresh: string) => call('set', { path: 'file://src/x.ts', edits: [{ old, new: fresh }] });
const read = (path = 'src/x.ts') => readFileSync(join(h.root, path), 'utf8');
const write = (text: string, path = 'src/x.ts') => writeFileSync(join(h.root, path), text);
const act = (more: object = {}) => h.runtime.prompt(h.caller(), 'act', { prompt: 'x', model: 'm', ...more });
const ended = () => h.event('run/state', { run: 'm-1', status: 200 });
const resolve = (answer: object, path = PATH) => h.runtime.resolve(h.caller('ann'), 'm-1', { path, action: 'accept', ...answer });
const toolTexts = (request: number) =>
  h.model.requests[request]!.body.messages.filter(({ role }) => role === 'tool').map(({ content }) => String(content));
/** An edit that waits for an answer. */
async function proposed(...calls: ReturnType<typeof call>[]) {
  h.model.answer({ kind: 'say', calls: calls.length > 0 ? calls : [edit('two', 'TWO')] }, { kind: 'say', text: 'done' });
  await act();
  return (await h.event('run/proposal')).payload;
}

describe('{#file_edits} a change of a file by the model', () => {
  it('is a proposal with its diff, and is carried out once somebody accepts it', async () => {
    expect(await proposed()).toMatchObject({
      path: PATH,
      action: 'set',
      summary: 'edit src/x.ts (+1 -1)',
      attributes: {
        diff: '--- a/src/x.ts\n+++ b/src/x.ts\n@@ -1,2 +1,2 @@\n one\n-two\n+TWO\n',
        before: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
        after: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
        added: 1,
        removed: 1,
        subject: 'file://src/x.ts',
        change: { op: 'write', path: 'src/x.ts', text: 'one\nTWO\n' },
      },
    });
    expect(read()).toBe('one\ntwo\n');
    expect(resolve({})).toMatchObject({ status: 200, resolution: { action: 'accept', by: 'ann' } });
    expect(read()).toBe('one\nTWO\n');
    await ended();
    expect(toolTexts(1)[0]).toBe('Done: edit src/x.ts (+1 -1).');
    expect(() => resolve({})).toThrow(expect.objectContaining({ kind: 'proposal_resolved' }));
  });

  it('that is rejected writes nothing, and the model reads why', async () => {
    await proposed();
    resolve({ action: 'reject', output: 'keep it lower case' });
    await ended();
    expect(read()).toBe('one\ntwo\n');
    expect(toolTexts(1)[0]).toBe('[403 rejected] keep it lower case');
  });

  it('ends at 409 changed when the file is another one by now, with nothing written', async () => {
    await proposed();
    write('somebody else\n');
    expect(resolve({})).toMatchObject({ status: 409 });
    await ended();
    expect(read()).toBe('somebody else\n');
    expect(h.entry('m-1', PATH)).toMatchObject({ status: 409, outcome: 'changed' });
    expect(toolTexts(1)[0]).toMatch(/^\[409 changed\].*read it again and propose again/);
  });

  it('takes the output of an accept in place of its text, and shows the model what was written', async () => {
    await proposed();
    expect(resolve({ output: 'one\nTwo\n' })).toMatchObject({ status: 200 });
    await ended();
    expect(read()).toBe('one\nTwo\n');
    expect(h.entry('m-1', PATH)).toMatchObject({ attributes: { edited: true, change: { text: 'one\nTwo\n' } } });
    expect(toolTexts(1)[0]).toMatch(/ann changed your text before it was written:\n[^]*\+Two\n/);
  });

  it('is not answered with what does not fit it, and waits on', async () => {
    await proposed(call('rm', { path: 'file://b.txt' }));
    const path = 'log://turn_1/rm/file-b-txt';
    expect(() => resolve({ output: 'x' }, path)).toThrow(expect.objectContaining({ kind: 'invalid_params' }));
    expect(() => resolve({ runner: 'client' }, path)).toThrow(expect.objectContaining({ kind: 'invalid_params' }));
    expect(resolve({}, path)).toMatchObject({ status: 200 });
    expect(existsSync(join(h.root, 'b.txt'))).toBe(false);
  });

  it('is one of several in a turn, each made from what the one before it left', async () => {
    await proposed(edit('two', 'TWO'), edit('TWO', 'three'));
    resolve({});
    expect((await h.event('run/proposal', { path: `${PATH}-2` })).payload).toMatchObject({ summary: 'edit src/x.ts (+1 -1)' });
    resolve({}, `${PATH}-2`);
    await ended();
    expect(read()).toBe('one\nthree\n');
  });

  it('is accepted at once with yolo, and by no verdict with noProposals', async () => {
    h.model.answer({ kind: 'say', calls: [edit('two', 'TWO')] }, { kind: 'say', text: 'done' });
    await act({ yolo: true, wait: true });
    expect(read()).toBe('one\nTWO\n');
    expect(h.entry('m-1', PATH)).toMatchObject({ status: 200, attributes: { resolution: { by: 'yolo' } } });
    h.model.answer({ kind: 'say', calls: [edit('TWO', 'no')] }, { kind: 'say', text: 'done' });
    await act({ yolo: true, wait: true, noProposals: true, run: 'm-1' });
    expect(read()).toBe('one\nTWO\n');
    expect(h.entry('m-1', 'log://turn_3/set/file-src-x-ts')).toMatchObject({ status: 403, outcome: 'not_offered' });
  });

  it('that cannot be written ends at 500, and the file stays', async () => {
    await proposed(call('set', { path: 'file://locked/y.ts', body: 'y' }));
    write('a file where a folder should be', 'locked');
    const path = 'log://turn_1/set/file-locked-y-ts';
    expect(resolve({}, path).status).toBe(500);
    await ended();
    expect(h.entry('m-1', path)).toMatchObject({
      status: 500,
      outcome: 'forbidden',
      body: expect.stringContaining('stays what it was') as string,
    });
  });

  it('moves a text between entries and files without ever being without it', async () => {
    h.model.answer(
      {
        kind: 'say',
        calls: [
          call('known', { path: 'known://plan', body: 'the plan' }),
          call('mv', { path: 'known://plan', to: 'file://docs/PLAN.md' }),
          call('mv', { path: 'file://b.txt', to: 'known://b' }),
          call('cp', { path: 'known://b', to: 'file://copy.txt' }),
        ],
      },
      { kind: 'say', text: 'done' },
    );
    await act({ yolo: true, wait: true });
    expect(read('docs/PLAN.md')).toBe('the plan');
    expect(read('copy.txt')).toBe('b\n');
    expect(existsSync(join(h.root, 'b.txt'))).toBe(false);
    expect(h.entry('m-1', 'known://b').body).toBe('b\n');
    expect(() => h.entry('m-1', 'known://plan')).toThrow(expect.objectContaining({ kind: 'not_found' }));
  });

  it('tells the model what does not work before anybody is asked', async () => {
    const calls = [
      edit('absent', 'x'),
      call('set', { path: 'file://../out', body: 'x' }),
      call('set', { path: 'file://src/x.ts', body: 'x', edits: [{ old: 'a', new: 'b' }] }),
      call('set', { path: 'file://src/x.ts', edits: [{ oldText: 'a' }] }),
      call('mv', { path: 'known://none', to: 'file://y' }),
      call('mv', { path: 'file://b.txt', to: 'log://turn_1/sh/x' }),
      call('set', { path: 'file://src/x.ts', body: 'one\ntwo\n' }),
    ];
    h.runtime.startRun(h.caller(), { model: 'm', alias: 'r' });
    const statuses: string[] = [];
    for (const one of calls) {
      h.model.answer({ kind: 'say', calls: [one] }, { kind: 'say', text: 'done' });
      await act({ wait: true, yolo: true, run: 'r' });
      statuses.push(toolTexts(h.model.requests.length - 1).at(-1)!);
    }
    expect(statuses[0]).toMatch(/^\[422 invalid_params\] edit 1 .* old is not there/);
    expect(statuses[1]).toMatch(/^\[403 forbidden\]/);
    expect(statuses[2]).toMatch(/^\[422 .*either body or edits/);
    expect(statuses[3]).toMatch(/edits\.0: must be \{"old": text/);
    expect(statuses[4]).toMatch(/^\[404/);
    expect(statuses[5]).toMatch(/^\[403 forbidden\].*log entry/);
    expect(statuses[6]).toMatch(/just that already/);
    expect(read('b.txt')).toBe('b\n');
  });
});

describe('{#file_edits} {#loop_restart} a restart', () => {
  it('leaves a proposal waiting, and its accept is carried out', async () => {
    await proposed();
    await h.restart();
    expect(resolve({})).toMatchObject({ status: 200 });
    expect(read()).toBe('one\nTWO\n');
  });

  /** What a crash leaves between the accept that is stored and its end: the entry at 102. */
  const accepted = async () => {
    await proposed();
    const entry = h.store.entries.get(h.store.runs.byAlias(h.sight, 'm-1')!.id, PATH)!;
    const run = h.store.runs.byAlias(h.sight, 'm-1')!;
    h.store.transaction('durable', () => {
      const resolution = { action: 'accept', by: 'ann', at: 1 };
      h.store.entries.update(entry.id, { status: 102, attributes: { ...entry.attributes, resolution } });
      h.store.runs.setStatus(run.id, 102, null);
    });
  };

  it.each([
    ['before the file was changed', 'one\ntwo\n', 200, 'one\nTWO\n'],
    ['after the file was changed', 'one\nTWO\n', 200, 'one\nTWO\n'],
    ['and somebody else changed the file meanwhile', 'other\n', 409, 'other\n'],
  ])('%s ends an accepted change as it has to, once', async (_, content, status, after) => {
    await accepted();
    await h.restart(() => write(content));
    await ended();
    expect(h.entry('m-1', PATH)).toMatchObject({ status });
    expect(read()).toBe(after);
    await h.restart(() => write('one\ntwo\n'));
    expect(read()).toBe('one\ntwo\n');
  });
});

describe('{#files} the tool get on files', () => {
  it('reads lines, finds text, lists folders and globs, and describes what is no text', async () => {
    await writeFiles(h.root, { 'l.txt': 'a\nb\nc\n', 'logo.png': Buffer.from([0x89, 0x50, 0]), '.gitignore': 'out/', 'out/x': '' });
    const inputs = [
      { path: 'file://l.txt', line: -2 },
      { path: 'file://l.txt', match: 'b' },
      { path: 'file://' },
      { path: 'file://**/*.ts' },
      { path: 'file://logo.png' },
      { path: 'file://out/x' },
    ];
    h.model.answer({ kind: 'say', calls: inputs.map((input) => call('get', input)) }, { kind: 'say', text: 'done' });
    await act({ wait: true });
    expect(toolTexts(1)).toEqual([
      '[file://l.txt: lines 2 to 3 of 3]\nb\nc',
      '[file://l.txt: 1 of lines 1 to 3 contain "b"]\n2: b',
      'file://.gitignore 4 bytes\nfile://b.txt 2 bytes\nfile://l.txt 6 bytes\nfile://logo.png 3 bytes\nfile://src/\n[1 name left out by .gitignore, which can be read by name]',
      'file://src/x.ts 8 bytes\n[1 name left out by .gitignore, which can be read by name]',
      '[file://logo.png is no text in UTF-8: 3 bytes that begin 89 50 00; use a command that knows its format]',
      '[file://out/x is empty]',
    ]);
  });

  it('is refused with noRepo, and entries are still read', async () => {
    h.model.answer(
      { kind: 'say', calls: [call('get', { path: 'known://' }), call('get', { path: 'file://b.txt' })] },
      { kind: 'say', text: 'done' },
    );
    await act({ wait: true, noRepo: true });
    expect(toolTexts(1)[0]).toBe('Nothing below known://.');
    expect(toolTexts(1)[1]).toMatch(/^\[403 forbidden\].*noRepo/);
    expect(String(h.model.requests[0]!.body.messages[0]!.content)).not.toContain('file://');
  });

  it('says so when the server may not read a file', async () => {
    chmodSync(join(h.root, 'b.txt'), 0o000);
    h.model.answer({ kind: 'say', calls: [call('get', { path: 'file://b.txt' })] }, { kind: 'say', text: 'done' });
    await act({ wait: true });
    // Root reads everything.
    expect(toolTexts(1)[0]).toMatch(process.getuid?.() === 0 ? /^b$/ : /^\[403 forbidden\].*permissions/);
  });
});
