import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { commandParams as toolParams } from '../../../src/hooks/command-tool.ts';
import { command, commandText, launchArgv, launchOf, shell } from '../../../src/model/launch.ts';
import { readWords } from '../../../src/policy/shell/script.ts';

const problem = (asked: unknown) => command.safeParse(asked).error?.issues.map(({ path, message }) => [path.join('.'), message]);
const program = (argv: readonly string[], env: Readonly<Record<string, string>> = {}) => {
  const [name = '', ...args] = argv;
  const { stdout, stderr, status } = spawnSync(name, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '', ...env },
  });
  return { stdout, stderr, status };
};

describe('{#backend_process} what may be run', () => {
  it('is a command line, or an array of words', () => {
    expect(problem('ls | wc -l')).toBeUndefined();
    expect(problem(['ls'])).toBeUndefined();
    expect(problem(['printf', '', ' ', "it's", '\n', '*'])).toBeUndefined();
    expect(problem(['a'.repeat(131_071)])).toBeUndefined();
  });

  it.each<[string, unknown, string, RegExp]>([
    ['a number', 7, '', /must be a command line, or an array of strings/],
    ['null', null, '', /must be a command line, or an array of strings/],
    ['an object', { 0: 'ls' }, '', /must be a command line, or an array of strings/],
    ['an array with a number', ['ls', 7], '', /must be a command line, or an array of strings/],
    ['an empty line', '', '', /is empty/],
    ['an empty array', [], '', /is empty; its first word is the program/],
    ['an empty name', ['', 'x'], '0', /is the program and must not be empty/],
    ['a line with a NUL', 'a\0b', '', /contains a NUL character/],
    ['a word with a NUL', ['ls', 'a', 'b\0c'], '2', /contains a NUL character/],
    ['a name with a NUL', ['ls\0'], '0', /contains a NUL character/],
    ['a word that is too long', ['ls', 'é'.repeat(65_536)], '1', /has more than 131071 bytes/],
    ['too many words', Array.from({ length: 10_001 }, () => 'a'), '', /has more than 10000 words/],
    ['too many bytes', Array.from({ length: 11 }, () => 'a'.repeat(100_000)), '', /has more than 1048576 bytes in all/],
  ])('%s is refused with the reason, and the word is named', (_, asked, field, why) => {
    expect(problem(asked)).toEqual([[field, expect.stringMatching(why)]]);
  });

  it('takes every word as it is, under a model that gives a tool an array too', () => {
    expect(toolParams.parse({ command: ['ls', '-l'] }).command).toEqual(['ls', '-l']);
    expect(toolParams.safeParse({ command: [] }).error?.issues[0]).toMatchObject({ path: ['command'], message: /is empty/ });
  });

  it('names the shells that there are', () => {
    expect(shell.safeParse('fish').error?.issues[0]?.message).toBe('must be sh, bash or login');
    expect(launchOf('ls', undefined)).toEqual({ command: 'ls' });
    expect(launchOf('ls', 'sh', 'bash')).toEqual({ command: 'ls' });
    expect(launchOf('ls', undefined, 'bash')).toEqual({ command: 'ls', shell: 'bash' });
    expect(launchOf(['ls', 'a b'], undefined, 'bash')).toEqual({ command: "ls 'a b'", argv: ['ls', 'a b'] });
    expect(() => launchOf(['ls'], 'sh')).toThrow(/an array is run without a shell; leave shell out/);
  });
});

describe('{#backend_process} what is executed', () => {
  const awkward = fc.array(
    fc.string({ unit: fc.constantFrom('a', ' ', "'", '"', '$', '\\', '\n', '*', '~', '=', '{', '!', '#', '-', 'é') }),
    {
      maxLength: 5,
    },
  );

  it('of an array are its words, which people, rules and shells read as the same words', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('printf', 'env', 'if', '!', 'A=1', '{', '[[', 'a b', '~', '#', 'time'),
        awkward,
        async (name, rest) => {
          const words = [name, ...rest];
          expect(launchArgv({ ...launchOf(words, undefined) })).toEqual(words);
          const text = commandText(words);
          const { stdout } = program(['/bin/sh', '-c', `show() { printf '%s\\0' "$@"; }\nshow ${text}`]);
          expect(stdout.split('\0').slice(0, -1)).toEqual(words);
          const { acts } = await readWords(words, text);
          expect(acts[0]).toMatchObject({ kind: 'program' });
          if (acts[0]?.kind === 'program' && name !== 'env' && name !== 'time')
            expect(acts[0].words.map((word) => word.text)).toEqual(words);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('of a command line is the shell that was asked for', () => {
    expect(launchArgv({ command: 'a | b' })).toEqual(['/bin/sh', '-c', 'a | b']);
    expect(launchArgv({ command: 'a', line: 'exec a' })).toEqual(['/bin/sh', '-c', 'exec a']);
    const line = '[[ abc == a* ]] && echo "$0 ${BASH_VERSION:+bash}"; exit 3';
    expect(program(launchArgv({ command: line, shell: 'bash' }))).toEqual({ stdout: 'bash bash\n', stderr: '', status: 3 });
    expect(program(launchArgv({ command: 'shopt -q login_shell && echo login', shell: 'login' }), { SHELL: '/bin/bash' })).toMatchObject({
      stdout: 'login\n',
    });
  });

  it('says by name that there is no bash, with the exit code of what is not found', () => {
    const { stdout, stderr, status } = program(launchArgv({ command: 'echo never', shell: 'bash' }), { PATH: '/nowhere' });
    expect({ stdout, status }).toEqual({ stdout: '', status: 127 });
    expect(stderr).toBe('headgate: shell_missing: there is no bash here; use the shell sh, or install bash\n');
  });

  it('of a login shell is the one of the user, or one that reads what sh reads', () => {
    const login = (env: Readonly<Record<string, string>>) =>
      program(launchArgv({ command: 'echo "$0 ${BASH_VERSION:+bash}"', shell: 'login' }), env).stdout;
    expect(login({ SHELL: '/bin/sh' })).toBe('/bin/sh \n');
    expect(login({ SHELL: '/usr/bin/fish' })).toBe('bash bash\n');
    expect(login({})).toBe('bash bash\n');
    expect(login({ SHELL: '/nowhere/bash', PATH: '/nowhere' })).toBe('/bin/sh \n');
  });
});
