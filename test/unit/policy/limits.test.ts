import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { judge } from '../../../src/policy/index.ts';
import { tempFolder } from '../../support/temp-store.ts';

let root: string;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ folder: root, remove } = await tempFolder());
});
afterEach(() => remove());
const judged = (command: string) =>
  judge({ kind: 'shell', tool: 'env', command, root, cwd: root, doubts: [], looks: true, inSandbox: true }, []);
const words = (count: number) => Array.from({ length: count }, (_, at) => `f${at}`).join(' ');

describe('{#policy_shell} a line with very many signs', () => {
  it.each([
    ['200 pipes', `${'cat a|'.repeat(200)}cat`, 'allow', undefined],
    ['201 pipes', `${'cat a|'.repeat(201)}cat`, 'ask', 'more than 200 pipes'],
    ['16,000 pipes', 'a|'.repeat(16_000), 'ask', 'more than 200 pipes'],
    ['lists behind =', 'a=('.repeat(5000), 'ask', 'more than 200 pipes'],
    ['1,001 ends of commands', 'a;'.repeat(1001), 'ask', 'more than 1000 ends'],
    ['16,000 redirections', '>a'.repeat(16_000), 'ask', 'more than 1000 ends'],
    ['5,001 words', 'a '.repeat(5001), 'ask', 'more than 5000 words'],
    ['2,001 words of a command', 'a '.repeat(2001), 'ask', 'too long'],
    ['600 redirections', 'a>b '.repeat(600), 'ask', 'too long'],
  ])('is asked about beyond the limits: %s', async (_, command, decision, reason) => {
    expect(await judged(command)).toMatchObject({ decision, ...(reason ? { reason: expect.stringContaining(reason) as string } : {}) });
  });
});

describe('{#policy_defaults} a line that names very many files', () => {
  const folders = (count: number) => {
    for (let at = 0; at < count; at++) mkdirSync(join(root, `d${at}`, 'x'), { recursive: true });
  };

  it('is asked about beyond 256 of them', async () => {
    expect(await judged(`cat ${words(256)}`)).toMatchObject({ decision: 'allow' });
    expect(await judged(`cat ${words(257)}`)).toMatchObject({
      decision: 'ask',
      reason: expect.stringContaining('more than 256') as string,
    });
    expect(await judged(`cat ${words(200)}; cat ${words(200)}`)).toMatchObject({ decision: 'allow' });
    expect(await judged(`cat ${words(200)}; cat x/${words(200).replaceAll(' ', ' x/')}`)).toMatchObject({ decision: 'ask' });
  });

  it('is asked about sooner where it may run in more folders', async () => {
    folders(2);
    expect(await judged(`cd d0; cat ${words(200)}`)).toMatchObject({
      decision: 'ask',
      reason: expect.stringContaining('more than 256') as string,
    });
    expect(await judged(`cd d0; cat ${words(100)}`)).toMatchObject({ decision: 'allow' });
  });

  it('is asked about sooner where its globs take in large folders', async () => {
    folders(5);
    for (let folder = 0; folder < 5; folder++) for (let at = 0; at < 3000; at++) writeFileSync(join(root, `d${folder}`, `f${at}.ts`), '');
    expect(await judged('wc -l d0/*.ts d1/*.ts')).toMatchObject({ decision: 'allow' });
    expect(await judged('wc -l d0/*.ts d1/*.ts d2/*.ts d3/*.ts d4/*.ts')).toMatchObject({ decision: 'ask' });
  });
});
