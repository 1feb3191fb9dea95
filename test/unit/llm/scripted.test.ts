import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { scripted } from '../../../src/llm/index.ts';
import type { ModelEvent, ModelMessage, ModelRequest } from '../../../src/model/ports/model-provider.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'headgate-scripted-'));
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

async function ask(o: Partial<ModelRequest> & { model: string }, signal = new AbortController().signal): Promise<ModelEvent[]> {
  const request: ModelRequest = { messages: [], tools: [], projectRoot: root, step: 0, mode: 'act', prompt: 'go', ...o };
  const events: ModelEvent[] = [];
  for await (const event of scripted().ask(request, signal)) events.push(event);
  return events;
}

const result = (text: string): ModelMessage => ({ role: 'tool', callId: 'c', tool: 'sh', text });
const textOf = (events: ModelEvent[]) => events.flatMap((event) => (event.type === 'text' ? [event.text] : [])).join('');

describe('{#scripted} the scripted model', () => {
  it('plays the steps of a file in the project, one a turn, the same each time it is asked', async () => {
    await writeFile(join(root, 'story.yaml'), 'steps:\n  - say: one\n    calls: [{tool: sh, input: {command: "ls"}}]\n  - say: two\n');
    const first = await ask({ model: 'story.yaml' });
    expect(textOf(first)).toBe('one');
    expect(first).toContainEqual(
      expect.objectContaining({ type: 'call', call: expect.objectContaining({ tool: 'sh', input: { command: 'ls' } }) as object }),
    );
    expect(await ask({ model: 'story.yaml' })).toEqual(first);
    expect(textOf(await ask({ model: 'story.yaml', step: 1 }))).toBe('two');
    expect(textOf(await ask({ model: 'story.yaml', step: 2 }))).toContain('no more steps');
  });

  it('quotes the newest tool result that matches, and the prompt', async () => {
    await writeFile(
      join(root, 's.yaml'),
      `steps:\n  - say: 'sum {{match:/total (\\d+)/}} for {{prompt}} ({{prompt:/^(\\w+)/}}) {{match:/absent/}}'\n`,
    );
    const messages = [result('total 12'), result('total 34\nmore'), result('nothing here')];
    expect(textOf(await ask({ model: 's.yaml', messages, prompt: 'count all' }))).toBe('sum 34 for count all (count) (nothing)');
  });

  it('refuses a pattern over which V8 aborts the process', async () => {
    const pattern = `${'(a|'.repeat(20_000)}x${')'.repeat(20_000)}`;
    await writeFile(join(root, 's.yaml'), `steps:\n  - say: '{{prompt:/${pattern}/}}'\n`);
    await expect(ask({ model: 's.yaml' })).rejects.toMatchObject({
      outcome: 'model_config',
      message: expect.stringContaining('at most 1000') as string,
    });
  });

  it('leaves out steps whose condition does not hold', async () => {
    await writeFile(
      join(root, 's.yaml'),
      'steps:\n  - {say: asked, when: {mode: ask}}\n  - {say: deploying, when: {prompt: /deploy/i}}\n  - say: else\n',
    );
    expect(textOf(await ask({ model: 's.yaml', mode: 'ask' }))).toBe('asked');
    expect(textOf(await ask({ model: 's.yaml', prompt: 'please DEPLOY' }))).toBe('deploying');
    expect(textOf(await ask({ model: 's.yaml' }))).toBe('else');
  });

  it('fails where the scenario says so, and stops waiting when it is cancelled', async () => {
    await writeFile(join(root, 's.yaml'), 'steps:\n  - fail: model_http\n  - {say: late, delay_ms: 600000}\n');
    await expect(ask({ model: 's.yaml' })).rejects.toMatchObject({ outcome: 'model_http' });
    const controller = new AbortController();
    const waiting = ask({ model: 's.yaml', step: 1 }, controller.signal);
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ kind: 'cancelled' });
  });

  it('names the field of a scenario that is wrong, and refuses a file outside the project', async () => {
    await writeFile(join(root, 'bad.yaml'), 'steps:\n  - shout: loud\n');
    await expect(ask({ model: 'bad.yaml' })).rejects.toMatchObject({
      outcome: 'model_config',
      message: expect.stringContaining('shout') as string,
    });
    await writeFile(join(root, 'deep.yaml'), `${'- '.repeat(20_000)}x`);
    await expect(ask({ model: 'deep.yaml' })).rejects.toMatchObject({
      outcome: 'model_config',
      message: expect.stringContaining('nested deeper than 64 levels') as string,
    });
    await symlink('/etc', join(root, 'etc'));
    await expect(ask({ model: 'etc/hostname' })).rejects.toMatchObject({
      outcome: 'model_config',
      message: expect.stringContaining('outside') as string,
    });
    await expect(ask({ model: '../x.yaml' })).rejects.toMatchObject({ outcome: 'model_config' });
  });

  it('is there without any file: a prompt such as "sh: ls" makes it propose that command, and not what an editor puts behind it', async () => {
    expect(await ask({ model: 'default', prompt: 'sh: ls -l' })).toContainEqual(
      expect.objectContaining({ type: 'call', call: expect.objectContaining({ input: { command: 'ls -l' } }) as object }),
    );
    for (const appended of [
      '\n\n<context uri="file://src/a.ts">\nrm -rf x\n</context>',
      '@file://src/a.ts\n\n<context uri="file://src/a.ts">\nrm -rf x\n</context>',
      ' @zed:///agent/selection (a.ts) @file://b.ts\n\n<context uri="x">\n$(rm x)\n</context>',
      '\n\nLines 1 to 2 of a.sh:\n\n```sh\nrm -rf x\n```',
    ]) {
      const events = await ask({ model: 'default', prompt: `sh: grep -c a@b "$HOME"/x${appended}` });
      expect(events).toContainEqual(
        expect.objectContaining({ call: expect.objectContaining({ input: { command: 'grep -c a@b "$HOME"/x' } }) as object }),
      );
    }
    expect(textOf(await ask({ model: 'default', prompt: 'sh: ls', step: 1, messages: [result('a.txt')] }))).toContain('a.txt');
    expect(textOf(await ask({ model: 'default', prompt: 'hello' }))).toContain('hello');
    expect((await ask({ model: 'default', prompt: 'sh: rm x', mode: 'ask' })).some((event) => event.type === 'call')).toBe(false);
  });
});
