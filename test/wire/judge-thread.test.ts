import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type * as PolicyParts from '../../src/policy/index.ts';
import { takingPlace } from '../../src/policy/shell/take-place.ts';

/** The module as it is built: its thread is started from a file that only the build makes. */
let built: typeof PolicyParts;
const root = mkdtempSync(join(tmpdir(), 'headgate-judge-'));
beforeAll(async () => {
  for (const folder of ['src', '.git/objects', '.git/refs']) mkdirSync(join(root, folder), { recursive: true });
  for (const file of ['a.ts', 'README.md', 'package.json', 'src/b.ts', '.env', '.git/HEAD']) writeFileSync(join(root, file), 'x');
  const file = join(import.meta.dirname, '../../dist/src/policy/index.js');
  built = (await import(pathToFileURL(file).href)) as typeof PolicyParts;
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const caseOf = (command: string, tool = 'env') =>
  ({ kind: 'shell', tool, command, root, cwd: root, doubts: [], looks: tool === 'env', inSandbox: true }) as const;
/** More rules than are read in the server's thread; they are about nothing that is judged here. */
const many = Array.from(
  { length: 150 },
  (_, at) => ({ decision: 'deny', text: `other(file://x${at})`, source: 'stored', id: at }) as const,
);
const words = (count: number) => Array.from({ length: count }, (_, at) => `f${at}`).join(' ');

const commandsOf = (file: string): string[] => {
  const texts: string[] = [];
  const take = (part: unknown) => {
    if (typeof part === 'string') texts.push(part);
    else if (typeof part === 'object' && part !== null) Object.values(part).forEach(take);
  };
  take(parse(readFileSync(join(import.meta.dirname, '../unit/policy', file), 'utf8')));
  return texts;
};

describe('{#no_pause} {#policy_shell} a line that is judged in a thread', () => {
  it.each(['harmless.yaml', 'hostile.yaml', 'escapes.yaml'])('has the verdict that it has without one: those of %s', async (file) => {
    const rules = [...many, { decision: 'allow', text: 'sh(npm test *)', source: 'config' } as const];
    const read = rules.map((rule) => built.readRule(rule, rule.source, 'id' in rule ? rule.id : undefined));
    const commands = commandsOf(file);
    expect(commands.length).toBeGreaterThan(100);
    for (const tool of ['env', 'sh'])
      for (const command of commands)
        expect(await built.judgeApart(caseOf(command, tool), rules), command).toEqual(await built.judge(caseOf(command, tool), read));
  });

  it('is allowed where it only looks, however long it is', async () => {
    expect(await built.judgeApart(caseOf(`cat ${words(250)}`), [])).toMatchObject({ decision: 'allow', by: 'default' });
    expect(await built.judgeApart(caseOf(`echo '${'x'.repeat(30_000)}'`), [])).toMatchObject({ decision: 'allow' });
    expect(await built.judgeApart(caseOf(`${'cat a.ts|'.repeat(190)}cat`), [])).toMatchObject({ decision: 'allow' });
  });

  it('is denied by a rule, be it the last of many', async () => {
    const rules = [...many, { decision: 'deny', text: 'sh(rm *)', source: 'stored', id: 999 } as const];
    expect(await built.judgeApart(caseOf('ls; rm x', 'sh'), rules)).toMatchObject({ decision: 'deny', rule: 'deny sh(rm *)' });
  });

  it('is asked about, also under yolo, where reading it takes too long', async () => {
    // A rule of many wildcards over a path of many names that it does not take in.
    const slow = { decision: 'deny', text: `set(file://${'**/*a*/'.repeat(20)}b)`, source: 'stored', id: 1 } as const;
    const subjects = [`file://${'a/'.repeat(200)}c`];
    const judged = await built.judgeApart({ kind: 'subject', tool: 'set', subjects, root }, [slow]);
    expect(judged).toMatchObject({ decision: 'ask', by: 'none', yoloAsks: true, remember: [] });
    expect(judged.reason).toContain('longer than 5000 ms');
    // The next one is judged.
    expect(await built.judgeApart(caseOf(`cat ${words(250)}`), [])).toMatchObject({ decision: 'allow' });
  });
});

describe('{#no_pause} {#backend_process} a long command', () => {
  it('takes the place of its shell as a short one does', async () => {
    const long = `node -e '${'1;'.repeat(400)}' ${words(300)}`;
    const line = await built.takingPlaceApart(long);
    expect(line).toContain('set -- exec');
    expect(line).toBe(await takingPlace(long));
  });

  it.each([
    ['16,000 pipes', 'a|'.repeat(16_000)],
    ['5,001 words', 'a '.repeat(5001)],
  ])('that has %s keeps its shell', async (_, line) => {
    expect(await built.takingPlaceApart(line)).toBeUndefined();
  });
});
