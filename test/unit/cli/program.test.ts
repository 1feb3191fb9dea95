import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exitCodeOfEnd } from '../../../src/cli/commands/sh.ts';
import { wantsColor } from '../../../src/cli/console.ts';
import { describeError, exitCodeOf } from '../../../src/cli/errors.ts';
import { parseDuration, parseVariable, parseWhole } from '../../../src/cli/parse.ts';
import { runCli } from '../../../src/cli/program.ts';
import { HeadgateError } from '../../../src/core/errors.ts';

let empty: string;
beforeAll(() => {
  empty = mkdtempSync(join(tmpdir(), 'headgate-cli-'));
});
afterAll(() => rmSync(empty, { recursive: true }));

/** What the composition root says of them; here nothing of it is looked at. */
const BACKENDS = [
  { name: 'commands', state: 'ok', detail: 'available' },
  { name: 'sandbox', state: 'note', detail: 'bubblewrap is not installed; install it' },
] as const;

async function run(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const texts = { out: '', err: '' };
  stdout.on('data', (bytes: Buffer) => (texts.out += bytes.toString()));
  stderr.on('data', (bytes: Buffer) => (texts.err += bytes.toString()));
  const serve = () => Promise.reject(new Error('not in this test'));
  const stdin = () => Object.assign(new PassThrough(), { isTTY: false });
  const code = await runCli(argv, {
    serve,
    runner: serve,
    stop: serve,
    endOutlived: serve,
    backup: serve,
    restore: serve,
    examineBackends: () => Promise.resolve(BACKENDS),
    stdin,
    stdout,
    stderr,
    env: { HEADGATE_DATA: empty, PATH: process.env['PATH'] },
    version: '9.8.7',
    command: 'headgate',
  });
  return { code, ...texts };
}

const COMMANDS = [
  'serve',
  'runner',
  'runners',
  'token',
  'policy',
  'demo',
  'doctor',
  'rpc',
  'act',
  'ask',
  'runs',
  'attach',
  'sh',
  'output',
  'ps',
  'cancel',
  'kill',
  'export',
  'proposals',
  'accept',
  'reject',
  'abort',
  'rename',
  'fork',
  'rm',
  'models',
  'skills',
  'completion',
];

describe('the command line', () => {
  it('prints help for every command, with examples, and the exit codes', async () => {
    const all = await run('--help');
    expect(all.code).toBe(0);
    expect(all.out).toContain('Exit codes:');
    for (const command of COMMANDS) {
      expect(all.out).toContain(`  ${command} `);
      const help = await run(command, '--help');
      expect(help.code).toBe(0);
      expect(help.out).toContain(`Examples:\n  `);
    }
  });

  it('{#cli_exit_codes} names the command that was meant', async () => {
    expect((await run('canel', 'x')).err).toContain('Did you mean cancel?');
    expect((await run('ps', '--jsno')).err).toContain('Did you mean --json?');
  });

  it('prints its version', async () => {
    expect(await run('--version')).toMatchObject({ code: 0, out: '9.8.7\n', err: '' });
  });

  it('{#cli_exit_codes} answers 2 and one message for a wrong command line', async () => {
    const wrong = [
      ['nonsense'],
      ['sh'],
      ['act'],
      ['runs', '--nope'],
      ['serve', '--port', '99999'],
      ['sh', '--timeout', 'soon', 'true'],
      ['output', 'r', 'p', '--all', '--channel', '2'],
      ['rpc'],
      ['rpc', 'ping', '{'],
      ['rpc', 'ping', '[1]'],
      ['act', ' '],
      [],
    ];
    for (const argv of wrong) {
      const { code, err, out } = await run(...argv);
      expect({ argv, code }).toEqual({ argv, code: 2 });
      expect(out).toBe('');
      expect(err).not.toContain('    at ');
      if (argv.length > 0) expect(err).toMatch(/^headgate: /);
    }
  });

  it('{#cli_exit_codes} says where the help of that command is, and that options follow it', async () => {
    expect((await run('token', 'add')).err).toMatch(/--scope.*\n {2}headgate token add --help says more\n$/);
    expect((await run('runs', '--nope')).err).not.toContain('follow');
    expect((await run('--data', 'x', 'ps')).err).toMatch(
      /'--data'\n {2}headgate --help says more\n {2}options follow the command, as in headgate ps --data DIR\n$/,
    );
    expect(JSON.parse((await run('--data', 'x', 'ps', '--json')).err)).toMatchObject({
      error: { exit_code: 2, message: "unknown option '--data'", hint: 'options follow the command, as in headgate ps --data DIR' },
    });
  });

  it('{#cli_exit_codes} answers 3 and says how to start a server when there is none', async () => {
    for (const argv of [
      ['runs'],
      ['ps'],
      ['projects'],
      ['output', 'r', 'log://turn_0/sh/x'],
      ['cancel', 'r'],
      ['kill', 'r'],
      ['export', 'r', 'log://turn_0/sh/x'],
      ['proposals'],
      ['accept', 'r'],
      ['models'],
      ['rm', 'r'],
      ['rpc', 'ping'],
      ['rpc', '--stdio'],
    ]) {
      const { code, err } = await run(...argv);
      expect({ argv, code }).toEqual({ argv, code: 3 });
      expect(err).toContain('headgate serve');
      expect(err.trimEnd().split('\n')).toHaveLength(2);
    }
  });

  it('{#cli_doctor} checks the machine without a server and without making a data folder', async () => {
    const { code, out } = await run('doctor', '--json', '--data', join(empty, 'deep', 'er'));
    const report = JSON.parse(out) as { ok: boolean; checks: { name: string; state: string; detail: string }[] };
    expect(code).toBe(0);
    expect(report.ok).toBe(true);
    expect(report.checks.map(({ name }) => name)).toEqual([
      'node',
      'sqlite',
      'data folder',
      'processes',
      'sh',
      'setsid',
      'fallocate',
      'server',
      'commands',
      'sandbox',
    ]);
    expect(report.checks.find(({ name }) => name === 'server')?.state).toBe('note');
    expect(report.checks.at(-1)).toEqual(BACKENDS[1]);
    const bad = await run('doctor', '--data', '/proc/headgate');
    expect(bad.code).toBe(1);
    expect(bad.out).toMatch(/missing {3}data folder .*choose another with --data/);
  });
});

describe('option values', () => {
  it('reads durations with units, a bare number as seconds', () => {
    expect(['500ms', '30s', '5m', '2h', '1d', '1.5', '10'].map(parseDuration)).toEqual([
      500, 30_000, 300_000, 7_200_000, 86_400_000, 1500, 10_000,
    ]);
    for (const wrong of ['', 'x', '-1s', '5 m', '0', '1e9']) expect(() => parseDuration(wrong)).toThrow(/duration/);
  });

  it('reads whole numbers within their range', () => {
    expect(parseWhole(1, 10)('7')).toBe(7);
    for (const wrong of ['0', '11', '1.5', 'x', '', '0x3']) expect(() => parseWhole(1, 10)(wrong)).toThrow(/whole number/);
  });

  it('reads variables, and passes our own value on when only a name is given', () => {
    const parse = parseVariable({ HOME: '/h' });
    expect(parse('A=b=c', parse('HOME'))).toEqual({ HOME: '/h', A: 'b=c' });
    expect(parse('MISSING')).toEqual({});
    expect(() => parse('1x=2')).toThrow(/NAME=VALUE/);
  });
});

describe('colours', () => {
  it('are off with NO_COLOR and in pipes, on with FORCE_COLOR and on terminals', () => {
    expect(wantsColor({}, true)).toBe(true);
    expect(wantsColor({}, false)).toBe(false);
    expect(wantsColor({ NO_COLOR: '1', FORCE_COLOR: '1' }, true)).toBe(false);
    expect(wantsColor({ FORCE_COLOR: '1' }, false)).toBe(true);
    expect(wantsColor({ TERM: 'dumb' }, true)).toBe(false);
  });
});

describe('{#cli_exit_codes} exit codes', () => {
  it('follow the error of the server', () => {
    expect(exitCodeOf(new HeadgateError('invalid_params', 'x'))).toBe(2);
    expect(exitCodeOf(new HeadgateError('forbidden', 'x'))).toBe(4);
    expect(exitCodeOf(new HeadgateError('unauthenticated', 'x'))).toBe(4);
    expect(exitCodeOf(new HeadgateError('not_found', 'x'))).toBe(1);
    expect(exitCodeOf(new Error('x'))).toBe(1);
  });

  it('of sh are those a shell would give', () => {
    expect(exitCodeOfEnd({ status: 200, outcome: null, exit_code: 0 })).toBe(0);
    expect(exitCodeOfEnd({ status: 500, outcome: 'exit:7', exit_code: 7 })).toBe(7);
    expect(exitCodeOfEnd({ status: 500, outcome: 'signal:SIGKILL', signal: 'SIGKILL' })).toBe(137);
    expect(exitCodeOfEnd({ status: 500, outcome: 'timeout', exit_code: 143, signal: 'SIGTERM' })).toBe(124);
    expect(exitCodeOfEnd({ status: 499, outcome: 'cancelled' })).toBe(130);
    expect(exitCodeOfEnd({ status: 500, outcome: 'lost' })).toBe(1);
  });

  it('come with the next step and never with a stack', () => {
    const text = describeError(new HeadgateError('unauthenticated', 'the token is wrong'));
    expect(text).toBe('headgate: the token is wrong\n  give the token with --token or HEADGATE_TOKEN; `headgate serve --json` prints it\n');
  });
});
