import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type Decision, judge, readRule } from '../../../src/policy/index.ts';

type Row = [expected: Decision, command: string, reason: string];
interface Table {
  tool: string;
  rules: string[];
  groups: { title: string; commands: Row[] }[];
}

const subjectTables = (
  parse(readFileSync(new URL('./subjects.yaml', import.meta.url), 'utf8')) as {
    tables: { tool: string; rules: string[]; subjects: [expected: Decision, ...about: string[]][] }[];
  }
).tables;
const tables = ['commands.yaml', 'escapes.yaml'].flatMap(
  (name) => (parse(readFileSync(new URL(`./${name}`, import.meta.url), 'utf8')) as { tables: Table[] }).tables,
);

const root = mkdtempSync(join(tmpdir(), 'headgate-policy-'));
for (const folder of ['src', '.git/objects', '.git/refs', '.git/hooks', 'out', 'd', 'dashes'])
  mkdirSync(join(root, folder), { recursive: true });
for (const file of ['a.ts', 'b.ts', 'src/b.ts', 'notes.txt', '.env', 'dashes/-x.ts', '.git/HEAD']) writeFileSync(join(root, file), 'x');
writeFileSync(join(root, '.git/config'), '[core]\n\trepositoryformatversion = 0\n\tbare = false\n');
symlinkSync('.env', join(root, 'shortcut.md'));
symlinkSync('../.git', join(root, 'out/link'));
symlinkSync('/etc', join(root, 'd/d'));
for (const link of ['link', 'evil.txt']) symlinkSync('/etc/passwd', join(root, link));
symlinkSync('/etc', join(root, 'linked'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const rule = (text: string) => {
  const at = text.indexOf(' ');
  return readRule({ decision: text.slice(0, at) as Decision, text: text.slice(at + 1) }, 'config');
};

describe.each(tables)('{#policy_shell} {#policy_defaults} the tool $tool under $rules.length rules', ({ tool, rules, groups }) => {
  const read = rules.map(rule);
  describe.each(groups)('$title', ({ commands }) => {
    it.each(commands)('%s: %j', async (expected, command, reason) => {
      const one = { kind: 'shell', tool, command, root, cwd: root, doubts: [], looks: tool === 'env' } as const;
      expect(await judge(one, read)).toMatchObject({ decision: expected, reason });
    });
  });
});

describe.each(subjectTables)('{#policy_rules} the tool $tool under $rules', ({ tool, rules, subjects }) => {
  it.each(subjects)('%s: %j %j', async (expected, ...about) => {
    const one = { kind: 'subject', tool, subjects: about.map((text) => text.replace('ROOT', root)), root } as const;
    expect((await judge(one, rules.map(rule))).decision).toBe(expected);
  });
});

describe('{#policy_shell} the table of commands', () => {
  it('has at least 150 commands, none twice under the same rules', () => {
    const all = tables.flatMap(({ groups }, index) =>
      groups.flatMap(({ commands }) => commands.map(([, command]) => `${index} ${command}`)),
    );
    expect(all.length).toBeGreaterThanOrEqual(150);
    expect(new Set(all).size).toBe(all.length);
  });
});
