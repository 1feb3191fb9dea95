import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { judge, readRule } from '../../../src/policy/index.ts';

const read = <T>(name: string) => parse(readFileSync(new URL(`./${name}`, import.meta.url), 'utf8')) as T;
const { looks, wide } = read<{ looks: string[]; wide: string[] }>('hostile.yaml');
const { allowed, asked } = read<{ allowed: string[]; asked: Record<string, string> }>('harmless.yaml');

const WIDE = 'npm test|awk|make|sort|git|c++|gcc|x86_64-linux-gnu-gcc-12|clang++|ld|xargs|sed'.split('|');
const rules = WIDE.map((name) => readRule({ decision: 'allow', text: `sh(${name} *)` }, 'config'));

const root = mkdtempSync(join(tmpdir(), 'headgate-hostile-'));
for (const folder of ['src', '.git/objects', '.git/refs', '.git/hooks']) mkdirSync(join(root, folder), { recursive: true });
for (const file of ['a.ts', 'b.ts', 'src/a.ts', 'package.json', 'README.md', '.env', '.git/HEAD']) writeFileSync(join(root, file), 'x');
writeFileSync(join(root, '.git/config'), '[core]\n\trepositoryformatversion = 0\n\tbare = false\n');
symlinkSync('/etc', join(root, 'linked'));
symlinkSync('/etc/passwd', join(root, 'evil.txt'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const verdict = async (command: string, tool: 'env' | 'sh') =>
  await judge({ kind: 'shell', tool, command, root, cwd: root, doubts: [], looks: tool === 'env' }, tool === 'sh' ? rules : []);

describe('{#policy_shell} {#policy_defaults} lines that hide what they do', () => {
  it.each(looks)('is asked about by default: %j', async (command) => {
    expect((await verdict(command, 'env')).decision).not.toBe('allow');
  });

  it.each(wide)('is asked about under wide rules: %j', async (command) => {
    expect((await verdict(command, 'sh')).decision).not.toBe('allow');
  });

  it('are at least 150, none twice', () => {
    expect(looks.length).toBeGreaterThanOrEqual(150);
    expect(new Set([...looks, ...wide.map((line) => `wide ${line}`)]).size).toBe(looks.length + wide.length);
  });

  it('are denied where a rule denies what they hide', async () => {
    const deny = [readRule({ decision: 'deny', text: 'sh(touch *)' }, 'config')];
    for (const command of looks.slice(0, 40).filter((line) => /(\|\||&&|;|&|\|) touch x|\$\(touch x\)"/.test(line)))
      expect((await judge({ kind: 'shell', tool: 'env', command, root, cwd: root, doubts: [], looks: true }, deny)).decision, command).toBe(
        'deny',
      );
  });
});

describe('{#policy_defaults} lines that only look', () => {
  it.each(allowed)('runs unasked: %j', async (command) => {
    expect(await verdict(command, 'env')).toMatchObject({ decision: 'allow' });
  });

  it.each(Object.entries(asked))('is asked about: %j, because %s', async (command) => {
    expect(await verdict(command, 'env')).toMatchObject({ decision: 'ask' });
  });

  it('are 143, of which a tenth is asked about at most', () => {
    const [free, stopped] = [allowed.length, Object.keys(asked).length];
    expect(free + stopped).toBe(143);
    expect(stopped).toBeLessThanOrEqual(14);
  });
});
