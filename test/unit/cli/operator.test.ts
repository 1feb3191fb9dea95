import { PassThrough } from 'node:stream';
import pc from 'picocolors';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ByteSink } from '../../../src/cli/byte-sink.ts';
import { createConsole } from '../../../src/cli/console.ts';
import { Interrupts } from '../../../src/cli/interrupts.ts';
import { Operator } from '../../../src/cli/operator.ts';
import { ruleLines } from '../../../src/cli/remembered-rules.ts';
import type { Proposal } from '../../../src/cli/run-view.ts';
import { Screen } from '../../../src/cli/screen.ts';
import { actionOf, RunName, type Runtime } from '../../../src/rpc/client/index.ts';

const undo: (() => void)[] = [];
afterEach(() => {
  for (const step of undo.splice(0)) step();
});

/** A person at a terminal; the server takes down what it is asked. */
function person() {
  const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => {} });
  const shown = Object.assign(new PassThrough(), { isTTY: true });
  const calls: unknown[] = [];
  const session = {
    mayAct: true,
    call: async (_: string, { resolution }: { resolution: { remember?: true } }) => {
      calls.push(resolution);
      return await Promise.resolve(resolution.remember ? { remembered: ['sh(make\u001b[2J)'] } : {});
    },
  } as unknown as Runtime;
  const interrupts = new Interrupts(() => {});
  const operator = new Operator({
    session,
    run: new RunName('r'),
    screen: new Screen(new ByteSink(shown), pc.createColors(false)),
    console: createConsole({ env: {}, stdout: shown, stderr: shown, stdin: () => stdin, version: '0' } as never),
    interrupts,
    acceptAll: false,
    interactive: true,
  });
  undo.push(
    () => operator.close(),
    () => interrupts.dispose(),
  );
  let text = '';
  shown.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return { operator, calls, press: (key: string) => stdin.write(key), text: () => text };
}

const proposal = (path: string, attributes: Record<string, unknown>) =>
  ({ run: 'r', path, command: 'make', attributes }) as unknown as Proposal;

describe('{#cli_attach} {#ask_user} a key that accepts', () => {
  it('accepts at once what a tool would carry out, with or without a command, and asks for words where a question waits', async () => {
    const { operator, calls, press, text } = person();
    operator.proposed({ ...proposal('log://1/deploy/x', {}), command: undefined } as unknown as Proposal);
    operator.review();
    press('a');
    await expect.poll(() => calls).toEqual([{ path: 'log://1/deploy/x', action: 'accept' }]);
    operator.resolved('log://1/deploy/x');
    operator.proposed(proposal('log://1/ask_user/y', { question: 'Which?' }));
    operator.review();
    press('a');
    await expect.poll(text).toContain('answer: ');
    press('this one\r');
    await expect.poll(() => calls.at(-1)).toEqual({ path: 'log://1/ask_user/y', action: 'accept', output: 'this one' });
  });
});

describe('{#cli_attach} {#policy_remember} the keys that answer', () => {
  it.each([
    ['a', { action: 'accept' }],
    ['A', { action: 'accept' }],
    ['r', { action: 'reject' }],
    ['m', { action: 'accept', remember: true }],
    ['f', { action: 'reject', remember: true }],
  ])('%s: %j for the oldest', async (key, answer) => {
    const { operator, calls, press, text } = person();
    const attributes = { remember: ['sh(make)'], remember_reject: 'sh(make)' };
    operator.proposed(proposal('log://1', attributes));
    operator.proposed(proposal('log://2', attributes));
    operator.review();
    await vi.waitUntil(
      () => text().includes('a accept   r reject   m accept and remember   f reject and remember   q leave   for log://1'),
      { timeout: 20_000 },
    );
    press(key);
    await vi.waitUntil(() => calls.length > 0, { timeout: 20_000 });
    expect(calls).toEqual([{ path: 'log://1', ...answer }]);
    if ('remember' in answer) await vi.waitUntil(() => text().includes('sh(make⟨ESC⟩[2J)'), { timeout: 20_000 });
  });

  it('offer to remember only what the proposal shows a rule for', async () => {
    const { operator, calls, press, text } = person();
    operator.proposed(proposal('log://1', { remember_reject: 'sh(make)' }));
    operator.review();
    await vi.waitUntil(() => text().includes('  a accept   r reject   f reject and remember   q leave\n'), { timeout: 20_000 });
    press('m');
    await vi.waitUntil(() => text().includes('no narrow rule can be made of this one; answer it with a'), { timeout: 20_000 });
    expect(calls).toEqual([]);
  });
});

describe('{#policy_remember} the rules that are shown', () => {
  it('are whole, one a line, with what a terminal would obey made visible', () => {
    const { rules } = actionOf({ remember: ['sh(a)', 'sh(b\n\u001b[2J)', 7], remember_reject: 'sh(c)' });
    expect(ruleLines(rules)).toEqual([
      '  m, for all that follows: allow sh(a)',
      '  m, for all that follows: allow sh(b⟨LF⟩⟨ESC⟩[2J)',
      '  f, for all that follows: deny sh(c)',
    ]);
    expect(ruleLines(actionOf({ remember: 'sh(a)' }).rules)).toEqual([]);
  });
});
