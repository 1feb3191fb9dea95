import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { takingPlace } from '../../../src/policy/shell/take-place.ts';
import { NAMES, script } from './scripts.ts';

/** Shells that may be /bin/sh somewhere, as far as this machine has them. */
const SHELLS: readonly (readonly [string, ...string[]])[] = ([['/bin/sh'], ['busybox', 'sh'], ['bash', '--posix']] as const).filter(
  ([name, ...args]) => spawnSync(name, [...args, '-c', ':']).status === 0,
);

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'place-'));
  mkdirSync(join(folder, 'bin'));
  const file = (name: string, text: string, mode = 0o755) => {
    writeFileSync(join(folder, name), text);
    chmodSync(join(folder, name), mode);
  };
  file('words', '#!/bin/sh\nfor w do printf "<%s>" "$w"; done; echo " $#"\n');
  file('my words', '#!/bin/sh\necho spaced "$@"\n');
  file('bin/aa', '#!/bin/sh\necho aa "$@" "$FOO"; exit 3\n');
  for (const name of NAMES.slice(1)) file(`bin/${name}`, '#!/bin/sh\necho "$0" "$@"\n');
  file('bin/fails', '#!/bin/sh\necho out; echo err >&2; exit 41\n');
  file('bin/kills', '#!/bin/sh\necho last; kill -9 $$\n');
  file('bin/plain', 'echo no first line "$0" "$@"\n');
  file('bin/empty', '');
  file('bin/unreadable', '#!/bin/sh\necho never\n', 0o644);
  file('bin/windows', '#!/bin/sh\r\necho never\r\n');
  file('bin/lost', '#!/no/such/interpreter -x\necho never\n');
  file('bin/blank', '#! /bin/sh\necho blank "$@"\n');
  file('bin/env-lost', '#!/usr/bin/env no-such-program\n');
  file('bin/nothing', '#!\n');
  // A builtin of shells has its name as well.
  file('bin/printf', '#!/bin/sh\necho the program printf\n');
  mkdirSync(join(folder, 'bin/directory'));
  file('input', 'one\ntwo\n', 0o644);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const environment = () => ({ PATH: `${join(folder, 'bin')}:/usr/bin:/bin`, HOME: folder, FOO: 'outer', X: 'a  b', N: 'words' });

/** All that can be noticed of a command line: both outputs, how it ended, and what it left behind. */
function run(shell: readonly [string, ...string[]], line: string): unknown {
  const [name, ...args] = shell;
  const { stdout, stderr, status, signal } = spawnSync(name, [...args, '-c', line], {
    cwd: folder,
    env: environment(),
    input: 'from outside\n',
    timeout: 20_000,
  });
  const files: Record<string, string> = {};
  for (const file of readdirSync(folder).filter((one) => /^out/.test(one))) {
    files[file] = readFileSync(join(folder, file), 'latin1');
    rmSync(join(folder, file));
  }
  return { stdout: stdout.toString('latin1'), stderr: stderr.toString('latin1'), status, signal, files };
}

const SAME: readonly string[] = [
  'words',
  './words',
  './words a "b c" d\\ e \'f  g\' ""',
  '  ./words a  ',
  './words a;',
  './words a ;',
  '\n./words a\n',
  '# a comment\n./words a # another\n# and one more',
  "./words 'line 1\nline 2' b",
  './words \\\n  a \\\n  b',
  '"./my words" x',
  './my\\ words x',
  "'./my words' x",
  '"$PWD"/words a',
  '$N a',
  './$N a',
  './w*ds a',
  '~/words a',
  'aa x y',
  'FOO=1 aa',
  'FOO=1 BAR=$FOO aa $FOO',
  'FOO="$(echo 1  2)" aa',
  'FOO= aa',
  'A=1 B=$A aa "$B"',
  'FOO=1 env',
  'env',
  'PATH=/nowhere aa',
  'PATH=/nowhere words',
  'IFS=: ./words $X',
  'OPTIND=x aa',
  'fails',
  'fails 2>&1',
  'fails 2>/dev/null',
  'fails > out',
  'fails > out 2>&1',
  'fails 2>&1 > out',
  '> out fails',
  '2>out fails 2>&1',
  'fails >> out',
  'fails >| out',
  'fails > out-$N 2> "out-$X"',
  'FOO=1 > out aa',
  'aa > out x y',
  'cat < input',
  'cat < /nowhere/file',
  'cat < nowhere',
  'fails > /nowhere/file',
  'fails > directory-that-is-none/file',
  'cat <&-',
  'fails >&-',
  'fails 3>out',
  'ls -l /proc/self/fd/1 > /dev/null',
  'ls /proc/self/fd',
  'ls /proc/self/fd 3<input',
  'ls /proc/self/fd 12<input',
  'cat',
  'cat - input',
  'cat <<E\na $FOO\nE',
  'cat <<E | tr a b\na $FOO\nE\n',
  "cat <<'E' > out\na $FOO\nE",
  'cat <<-E\n\ta\n\tE',
  'no-such-program',
  'no-such-program a b 2>&1',
  './no-such-program',
  '/no/such/program x',
  'no-such-program > out',
  'FOO=1 no-such-program',
  '\nno-such-program',
  '""',
  'unreadable',
  './bin/unreadable',
  'directory',
  './bin/directory',
  '/',
  '.',
  '..',
  './input',
  '/etc/passwd',
  'windows',
  './bin/windows',
  './bin/lost',
  'lost',
  'lost 2>&1 | cat',
  'env-lost',
  './bin/nothing',
  'plain a b',
  './bin/plain a b',
  'empty',
  'blank a',
  './bin/blank a',
  'input',
  'echo a b',
  'printf "%s\\n" a',
  'test -e input',
  '[ -e input ]',
  '[ -e nowhere ]',
  'true',
  'false',
  'pwd',
  'cd bin',
  'kill -0 $$',
  'exit 7',
  'type cat',
  'command aa x',
  'command -v aa',
  'exec aa x',
  'exec no-such-program',
  'eval aa x',
  'unset FOO',
  'export FOO=2',
  'read x',
  'wait',
  ':',
  'umask',
  'time true',
  'if',
  'if true; then aa; fi',
  'case a in a) aa ;; esac',
  'aa()',
  'aa() { echo function; }; aa',
  'aa x; aa y',
  'aa x && aa y',
  'aa x || aa y',
  'aa x | cat',
  '! aa',
  'aa &',
  'aa x & wait',
  '(aa x)',
  '{ aa x; }',
  'aa x; exit 0',
  'trap "echo bye" EXIT; aa x',
  'set -e; aa; echo never',
  'set -x; aa',
  'aa $?',
  'aa $# "$@" $* $1 ${1-none}',
  'aa ${#FOO} ${FOO#o}',
  "awk 'BEGIN { print $1, ARGC }' x",
  'awk "BEGIN { print \\$1 }"',
  'aa $0 $LINENO $-',
  "sh -c 'echo $0 $1' name arg",
  'sh -c "exit 9"',
  'aa $(echo sub; echo sub >&2)',
  'aa $(false)',
  'aa `echo back`',
  'aa $((1 + 2)) $((1 << 4))',
  'aa ${UNSET-default} ${UNSET:=given} "$UNSET"',
  'aa ${UNSET?not there}',
  'aa $((1 / 0))',
  'aa $X "$X"',
  'aa *.none in* b[i]n',
  'aa ~ ~/x a=~ "~"',
  "aa {a,b} $'x'",
  'aa a=b -- --x',
  'aa "unended',
  "aa 'unended",
  'aa )',
  'aa <',
  'aa |',
  'printf x',
  'env printf x',
  'nohup true',
  'nice -n 1 ./words a',
  'timeout 5 ./words a b',
  'env -i FOO=2 ./words a',
  'xargs ./words',
  'python3 -c "import sys; print(sys.argv, file=sys.stderr); sys.exit(5)" a b',
  'python3 -c \'\nimport os\nprint(1)\nos.write(2, b"x")\n\'',
  'perl -e \'print "a\\n"; print STDERR "b"; exit 4\'',
  'awk \'{ print NR ": " $0 }\' input',
  'sed -n "s/one/1/p" input',
  'find . -name "wor*" -type f',
  'grep -c o input',
  'sort -r input',
  'sort -r < input > out',
  'head -c 3 input',
  'tee out out2',
  'dd if=input bs=4 count=1 status=none',
  'date -d @0 -u',
  'seq 3',
  'ls nowhere',
  'stat -c %s input',
  'bash -c "echo $FOO; exit 2"',
  'é a',
  'aa é ✓ 👩‍👧',
  'aa \x01 \x7f',
  'aa a\tb\r',
  'aa\r',
  '\taa\tx\t',
  'aa # x',
  'aa a#b "#c"',
  'aa \\$FOO \\a \\"',
  'a\\a x',
  "a'a' x",
  'a""a x',
  '\\aa x',
  'FOO=1\\\n aa',
  'aa x > out > out2',
  'aa x 2>&1 1>&2',
  'aa x <> out',
  'aa x &> out',
  'aa <<< word',
  'aa <(echo x)',
  'FOO+=1 aa',
  'FOO[0]=1 aa',
  '1=2 aa',
  '-x',
  'a=b=c aa',
  "'FOO=1' aa",
];

describe('{#backend_process} a command line that takes the place of its shell does what the command line does', () => {
  it.each(SHELLS.map((shell) => [shell.join(' '), shell] as const))(
    'to the byte, under %s',
    async (_, shell) => {
      let taken = 0;
      for (const line of SAME) {
        const taking = await takingPlace(line);
        if (taking === undefined) continue;
        taken += 1;
        expect({ line, ...(run(shell, taking) as object) }).toEqual({ line, ...(run(shell, line) as object) });
      }
      expect(taken).toBeGreaterThan(100);
    },
    300_000,
  );

  it('also where scripts are made up', async () => {
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(script, async (line) => {
        const taking = await takingPlace(line);
        if (taking === undefined) return;
        taken += 1;
        for (const shell of SHELLS) expect(run(shell, taking)).toEqual(run(shell, line));
      }),
      { numRuns: 200 },
    );
    expect(taken).toBeGreaterThan(3);
  }, 300_000);
});

/** What the process is by the time that it has said something. */
async function afterFirstLine(child: ChildProcess): Promise<string> {
  await new Promise((resolve) => child.stdout?.once('data', resolve));
  return readFileSync(`/proc/${child.pid}/cmdline`, 'latin1').split('\0').join(' ');
}

describe('{#backend_process} a simple command is the process that its shell was', () => {
  const waits =
    'import signal, sys; signal.signal(signal.SIGTERM, lambda *_: (print("last words"), sys.exit(0))); print("up", flush=True); signal.pause()';
  const lines = [
    `python3 -c '${waits}'`,
    `/usr/bin/python3 -c '${waits}'`,
    `FOO=1 python3 -c '${waits}' "$FOO" *.none 2> /dev/null`,
    `2>&1 python3 -c '${waits}' $(echo 1) $((1 + 1)); # that is all`,
    `\n# first\npython3 \\\n -c '${waits}'`,
    `"py"thon3 -c '${waits}' < input`,
  ];
  it.each(SHELLS.flatMap((shell) => lines.map((line) => [shell.join(' '), line, shell] as const)))(
    'under %s: %s',
    async (_, line, shell) => {
      const [name, ...args] = shell;
      const taking = await takingPlace(line);
      expect(taking).toBeDefined();
      const child = spawn(name, [...args, '-c', taking ?? line], { cwd: folder, env: environment(), stdio: ['ignore', 'pipe', 'inherit'] });
      const ended = new Promise((resolve) => child.once('close', (code, signal) => resolve({ code, signal })));
      let said = '';
      child.stdout.on('data', (bytes: Buffer) => (said += bytes.toString()));
      expect(await afterFirstLine(child)).toMatch(/^\S*python3/);
      child.kill('SIGTERM');
      expect(await ended).toEqual({ code: 0, signal: null });
      expect(said).toBe('up\nlast words\n');
    },
  );

  it('ends by the signal that ends it, and no shell has a word to say', async () => {
    const taking = (await takingPlace('kills')) ?? '';
    for (const shell of SHELLS) expect(run(shell, taking)).toMatchObject({ stdout: 'last\n', stderr: '', status: null, signal: 'SIGKILL' });
  });

  it.each([
    'echo a',
    'printf x',
    'cd bin',
    'exit 3',
    '[ -e x ]',
    'aa &',
    '! aa',
    'aa | cat',
    'aa; aa',
    'time aa',
    'exec aa',
    '$N',
    './$N',
    '~/aa',
  ])('and keeps its shell where that has something to do: %s', async (line) => expect(await takingPlace(line)).toBeUndefined());

  it('and where it is too long, or changes where programs are found', async () => {
    expect(await takingPlace(`aa ${'x'.repeat(40_000)}`)).toBeUndefined();
    expect(await takingPlace('PATH=/x aa')).toBeUndefined();
    expect(await takingPlace('aa "$1"')).toBeUndefined();
    expect(await takingPlace('aa <<E\nx\nE\n')).toBeUndefined();
  });
});
