import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ShellScript } from '../../../src/policy/shell/command.ts';
import { readScript, readWords } from '../../../src/policy/shell/script.ts';
import { NAMES, script } from './scripts.ts';

const SHELLS = ['dash', 'bash', 'busybox'] as const;

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'headgate-printed-'));
  mkdirSync(join(folder, 'bin'));
  mkdirSync(join(folder, 'cwd'));
  const stub = join(folder, 'stub');
  writeFileSync(
    stub,
    `#!/bin/dash\nline="<\${0##*/}>"; for word; do line="$line<$word>"; done; echo "$line"; case $* in *x*) exit 3 ;; esac\n`,
  );
  chmodSync(stub, 0o755);
  for (const name of NAMES) symlinkSync(stub, join(folder, 'bin', name));
  symlinkSync('/bin/cat', join(folder, 'bin/cat'));
  for (const file of ['a.ts', 'b.ts', 'in']) writeFileSync(join(folder, 'cwd', file), 'one  two\n* three\n');
  for (const shell of SHELLS) {
    mkdirSync(join(folder, shell));
    symlinkSync(`/bin/${shell}`, join(folder, shell, 'sh'));
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What can be seen of a line under a shell: what it prints and how it ends. */
function run(shell: string, line: string): unknown {
  const { stdout, status, signal } = spawnSync(join(folder, shell, 'sh'), ['-c', line], {
    cwd: join(folder, 'cwd'),
    env: { PATH: join(folder, 'bin'), HOME: folder, x: 'a  b', glob: '*.ts' },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 10_000,
  });
  return { out: stdout.toString().split('\n').sort(), status, signal };
}

/** The line that is run for a text; undefined for one that is asked about. */
async function printed(text: string): Promise<string | undefined> {
  const { printed: again } = await readScript(text);
  return again && 'line' in again ? again.line : undefined;
}

/** The programs that are called, and what is known of their words. */
function called({ acts }: ShellScript): string[] {
  const named = acts.filter((act) => act.kind !== 'program' || !act.denyOnly);
  // Redirections are printed behind the words.
  return named
    .map((act) => (act.kind === 'program' ? act.words.map(({ text, literal }) => (literal ? text : '?')).join(' ') : act.text))
    .sort();
}

const runs = Number(process.env['HEADGATE_POLICY_RUNS'] ?? 60);

describe('{#policy_printed} the line that is run', () => {
  it('prints and ends as the text that it was read from, under every shell', async () => {
    let sure = 0;
    await fc.assert(
      fc.asyncProperty(script, async (text) => {
        const line = await printed(text);
        if (line === undefined) return;
        sure += 1;
        for (const shell of SHELLS)
          expect(run(shell, line), `${shell}: ${JSON.stringify(text)} as ${JSON.stringify(line)}`).toEqual(run(shell, text));
      }),
      { numRuns: runs },
    );
    expect(sure).toBeGreaterThan(runs / 10);
  }, 600_000);

  it.each([
    'aa; bb && cc || dd',
    'aa | bb | cat; ! aa x; echo $?',
    '! aa x | bb; echo $?',
    'aa & wait; bb',
    'if aa x; then bb; elif cc; then dd; else aa y; fi',
    'if aa x\nthen bb\nelse cc; dd\nfi > /dev/null; echo done',
    'for f in *.ts "in" $x; do echo "$f" $f; done',
    'while read -r l; do echo "$l" $l; done < in',
    'until aa; do :; done; { bb; cc; } | cat; ( dd; aa ) 2>&1',
    'case *.ts in a|b*) aa;; *.ts) bb;; esac; case $x in (a*) cc; esac',
    'cat <<E\nit is\'s "quoted"\nE\necho after',
    "cat <<'E' | cat\n$x `aa` \\\nE",
    'y=1; z=$(aa b); echo "$y$z" ${y}1 "${q:-none}" ${x##*a} ${#x}',
    "echo \"a\\$b\" 'it'\\''s' a\\ b \"\" '' $",
    'echo ~ ~/x a~ \'~\'; echo $((1 + 2)) "$(( (1+2) * 3 ))"',
    '[ a = a ] && echo yes; [ "$x" = "a  b" ] || echo no; [ ! -f in ]; echo $?',
    '[ a = a ] || echo no; if [ -f in ] && [ -d . ]; then aa; fi',
    'sh -c \'aa; bb "$1"\' name word; timeout 5 sh -c "echo \'a b\'"',
    'aa `bb c` "`cc`" # and more',
    'echo $x "$x" $glob "$glob" [ab].ts [!a]*',
    'aa 2> /dev/null > /dev/stdout x y; 2>&1 aa',
    'X= aa; x=2 aa',
  ])('is the same as %j', async (text) => {
    const line = await printed(text);
    // Assignments to names with capitals stand before a command here, which is no doubt.
    expect(line, text).toBeDefined();
    for (const shell of SHELLS) expect(run(shell, line ?? ''), `${shell}: ${line}`).toEqual(run(shell, text));
  });

  it.each([
    ...['echo [a', 'echo a=~/x', 'echo ~root', 'aa 12> f', 'echo $LINENO', 'echo ${x:0:1}', 'echo [^a]*', 'echo "${a[@]}"'],
    // The grammar takes two words, or the beginning of one, for something else.
    ...['[ ] ]', '[ ] ]]', '[ -n ] ]', 'grep -z ] ]', 'aa ] {}', '{aa = ]; }', '{aa;}'],
    ...[
      'cat <<\nE\n;\nE\n',
      'case \nx in *) aa;; esac',
      'case x in a|\nx) aa;; esac',
      'for i in \nx; do aa; done',
      'for\ni in x; do aa; done',
      'aa > \nf',
    ],
  ])('is none for what shells read in different ways: %s', async (text) => {
    expect((await readScript(text)).doubts).not.toEqual([]);
    expect(await printed(text)).toBeUndefined();
  });

  it('reads as the commands that were judged, and as itself', async () => {
    await fc.assert(
      fc.asyncProperty(script, async (text) => {
        const first = await readScript(text);
        if (!first.printed || !('line' in first.printed)) return;
        const again = await readScript(first.printed.line);
        expect(called(again)).toEqual(called(first));
      }),
      { numRuns: runs * 2 },
    );
  }, 600_000);

  it('of an array is its words, the script of a shell among them printed again', async () => {
    const { printed: again } = await readWords(['timeout', '5', 'sh', '-c', 'aa  "b"', 'x'], '');
    expect(again).toEqual({ argv: ['timeout', '5', 'sh', '-c', "'aa' 'b'", 'x'] });
  });
});
