import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { shellQuote } from '../../src/cli/text.ts';
import { type BuiltServer, MAIN, serve } from '../support/built-server.ts';
import { type CliOptions, type CliResult, cli, cliEnv, startCli } from '../support/cli.ts';
import { tempFolder } from '../support/temp-store.ts';

let root: string;
let data: string;
let project: string;
let server: BuiltServer;
let remove: () => Promise<void>;

beforeAll(async () => {
  const temp = await tempFolder();
  root = realpathSync(temp.folder);
  remove = temp.remove;
  data = join(root, 'data');
  project = join(root, 'project');
  mkdirSync(project);
  server = await serve(data);
});
afterAll(async () => {
  await server.stop();
  await remove();
});

const hg = (args: string[], options: Partial<CliOptions> = {}): Promise<CliResult> => cli(args, { cwd: project, data, ...options });
const start = (args: string[], options: Partial<CliOptions> = {}) => startCli(args, { cwd: project, data, ...options });
const json = async <T>(args: string[]): Promise<T> => JSON.parse((await hg(args)).out) as T;

type Producer = {
  run: string;
  path: string;
  state: string;
  pid: number | null;
  command: string;
  channels: { channel: number; bytes: number }[];
};

/** The path of the only command of a run. */
async function pathIn(run: string): Promise<string> {
  const [producer] = await json<Producer[]>(['ps', '--all', '--json', '--run', run]);
  return producer!.path;
}

describe('{#cli_serve} headgate serve', () => {
  it('prints one JSON line, leaves its record for its own user alone, and stops in order on SIGTERM and on Ctrl-C', async () => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const folder = join(root, `serve-${signal}`);
      const running = start(['serve', '--json', '--port', '0', '--data', folder]);
      await running.until('\n');
      const record = join(folder, 'server.json');
      expect(statSync(record).mode & 0o777).toBe(0o600);
      running.process.kill(signal);
      const { code, out } = await running.ended;
      expect(code).toBe(0);
      expect(out.trimEnd().split('\n')).toHaveLength(1);
      const line = JSON.parse(out) as Record<string, unknown>;
      expect(Object.keys(line)).toEqual(['ready', 'url', 'http', 'socket', 'token', 'pid']);
      expect(line).toMatchObject({ ready: true, pid: running.process.pid });
      expect(line['url']).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/rpc$/);
      expect(existsSync(record)).toBe(false);
    }
  });

  it('is refused on a data folder that another server holds, and says who holds it', async () => {
    const second = await hg(['serve', '--json', '--port', '0', '--data', data]);
    expect(second.code).toBe(1);
    expect(second.out).toBe('');
    expect(second.err).toContain(String(server.pid));
    expect(second.err).not.toContain('    at ');
  });

  it('tells a person where it is and what to do next', async () => {
    const running = start(['serve', '--port', '0', '--data', join(root, 'serve-text'), '--log-level', 'silent']);
    await running.until('Ctrl-C stops the server');
    running.process.kill('SIGTERM');
    const { out, err } = await running.ended;
    expect(out).toContain('ws://127.0.0.1:');
    expect(out).toContain('headgate act');
    expect(err).toBe('');
  });

  it('prints no token to a person, and so to no log of a service, unless asked', async () => {
    const data = join(root, 'serve-secret');
    const printed = async (...more: string[]) => {
      const running = start(['serve', '--port', '0', '--data', data, ...more]);
      await running.until('Ctrl-C stops the server');
      running.process.kill('SIGTERM');
      const { out, err } = await running.ended;
      return out + err;
    };
    const first = await printed();
    const token = readFileSync(join(data, 'token'), 'utf8').trim();
    expect(first).not.toContain(token);
    expect(await printed('--show-token')).toContain(`#token=${token}`);
  });
});

describe('{#cli_sh} headgate sh', () => {
  it('is as transparent as the shell: both outputs byte for byte, and the exit code', async () => {
    const bytes = randomBytes(3 * 1024 * 1024);
    writeFileSync(join(project, 'random.bin'), bytes);
    const { code, stdout, err } = await hg(['sh', 'cat random.bin; echo oops >&2; exit 7']);
    expect(code).toBe(7);
    expect(err).toBe('oops\n');
    expect(createHash('sha256').update(stdout).digest('hex')).toBe(createHash('sha256').update(bytes).digest('hex'));
  });

  it('keeps arguments apart, and takes working directory and variables', async () => {
    mkdirSync(join(project, 'sub dir'));
    const words = await hg(['sh', '--', 'printf', '[%s]', "it's", 'a  b', '$HOME', '*']);
    expect(words.out).toBe("[it's][a  b][$HOME][*]");
    const place = await hg(['sh', '--cwd', 'sub dir', '--env', 'GREETING=hello there', 'pwd; echo "$GREETING"']);
    expect(place.out).toBe(`${join(project, 'sub dir')}\nhello there\n`);
  });

  it('forwards standard input byte for byte and then its end', async () => {
    const bytes = randomBytes(1024 * 1024);
    const { code, stdout } = await hg(['sh', '--', 'cat'], { input: bytes });
    expect(code).toBe(0);
    expect(stdout.equals(bytes)).toBe(true);
  });

  it('does not wait for an input that stays open when the command ends or reads none', async () => {
    const running = start(['sh', '--', 'echo', 'done']);
    expect(await running.ended).toMatchObject({ code: 0, out: 'done\n', err: '' });
    const without = start(['sh', '--no-stdin', '--', 'cat']);
    expect(await without.ended).toMatchObject({ code: 0, out: '' });
  });

  it('{#cli_exit_codes} exits like a shell for a signal, a time limit, and a command that does not exist', async () => {
    expect((await hg(['sh', 'kill -KILL $$'])).code).toBe(137);
    const late = await hg(['sh', '--timeout', '300ms', 'sleep 60']);
    expect(late.code).toBe(124);
    expect(late.err).toContain('timed out');
    expect((await hg(['sh', 'no-such-command-here'])).code).toBe(127);
  });

  it('shows output while the command runs', async () => {
    const running = start(['sh', '--run', 'live', 'echo first; while [ ! -e go-live ]; do sleep 0.05; done; echo second']);
    await running.until('first\n');
    expect(await json<Producer[]>(['ps', '--json', '--run', 'live'])).toHaveLength(1);
    writeFileSync(join(project, 'go-live'), '');
    expect(await running.ended).toMatchObject({ code: 0, out: 'first\nsecond\n' });
  });

  it('ends the command when the reader of its output goes away, without a stack', async () => {
    const { code, out, err } = await head(['sh', '--run', 'piped', 'while :; do echo y; done']);
    expect({ code, out, err }).toEqual({ code: 0, out: 'y\n', err: '' });
    expect(await json<Producer[]>(['ps', '--json', '--run', 'piped'])).toEqual([]);
    expect((await json<Producer[]>(['ps', '--all', '--json', '--run', 'piped']))[0]).toMatchObject({ state: 'cancelled' });
  });

  it('only proposes with --propose; whoever accepts it starts it', async () => {
    const proposed = await hg(['sh', '--propose', '--run', 'later', '--', 'echo', 'accepted']);
    expect(proposed.code).toBe(0);
    const [run, path] = proposed.out.trim().split(' ');
    expect(run).toBe('later');
    expect(await json<unknown[]>(['ps', '--json', '--run', 'later'])).toEqual([]);
    const live = start(['output', '--live', 'later', path!]);
    const resolve = await hg(['rpc', 'run/resolve', JSON.stringify({ run, resolution: { path, action: 'accept' } })]);
    expect(resolve.code).toBe(0);
    expect(await live.ended).toMatchObject({ code: 0, out: 'accepted\n' });
    const again = await hg(['rpc', 'run/resolve', JSON.stringify({ run, resolution: { path, action: 'reject' } })]);
    expect(again.code).toBe(4);
    expect(again.err).toMatch(/^headgate: /m);
  });

  it('{#stream_closed} ends a follower of a proposal that is rejected, or whose run is deleted, and says why', async () => {
    const propose = async () => (await hg(['sh', '--propose', '--run', 'refused', '--', 'true'])).out.trim().split(' ')[1]!;
    const [rejected, deleted] = [await propose(), await propose()];
    const followers = [rejected, deleted].map((path) => start(['output', '--live', 'refused', path]));
    const attached = start(['attach', 'refused']);
    await attached.until(deleted);
    const resolution = { path: rejected, action: 'reject' };
    expect((await hg(['rpc', 'run/resolve', JSON.stringify({ run: 'refused', resolution })])).code).toBe(0);
    const first = await followers[0]!.ended;
    expect(first).toMatchObject({ code: 4, out: '' });
    expect(first.err).toContain('was never started and has no output: it ended with 403 rejected');
    expect((await hg(['rpc', 'run/delete', JSON.stringify({ run: 'refused' })])).code).toBe(0);
    for (const { ended } of [followers[1]!, attached]) {
      const { code, err } = await ended;
      expect(code).toBe(1);
      expect(err).toContain('run refused was deleted');
    }
  });

  it('says why a command could not start', async () => {
    const { code, err } = await hg(['sh', '--cwd', 'no/such/folder', 'true']);
    expect(code).toBe(1);
    expect(err).toMatch(/^headgate: .*no\/such\/folder/);
    const outside = await hg(['sh', '--cwd', '../..', 'true']);
    expect(outside.code).toBe(4);
  });
});

describe('{#cli_resume} a restart of the server', () => {
  it('neither ends a command nor costs its reader a byte', async () => {
    const folder = join(root, 'restart');
    let own = await serve(folder);
    try {
      const options = { data: folder };
      const running = start(
        ['sh', 'i=0; while [ ! -e go-on ]; do i=$((i+1)); echo line $i; sleep 0.01; done; seq 1 20000; echo end $i'],
        options,
      );
      await running.until('line 20\n');
      await own.crash();
      await running.until('connection to the server lost', 'err');
      own = await serve(folder);
      await running.until('connected again', 'err');
      writeFileSync(join(project, 'go-on'), '');
      const { code, out } = await running.ended;
      expect(code).toBe(0);
      const lines = out.trimEnd().split('\n');
      const last = Number(/^end (\d+)$/.exec(lines.at(-1) ?? '')?.[1]);
      const expected = [
        ...Array.from({ length: last }, (_, at) => `line ${at + 1}`),
        ...Array.from({ length: 20_000 }, (_, at) => String(at + 1)),
        `end ${last}`,
      ];
      expect(lines).toEqual(expected);
    } finally {
      await own.stop();
    }
  });
});

describe('{#cli_output} headgate output', () => {
  let path: string;
  beforeAll(async () => {
    await hg(['sh', '--run', 'out', String.raw`printf 'one\n\033[31mtwo\033[0m\nthree'; printf 'e1\ne2\n' >&2`]);
    path = await pathIn('out');
  });

  it('writes what was written, byte for byte, from an offset, of either channel', async () => {
    expect((await hg(['output', 'out', path])).out).toBe('one\n\u001b[31mtwo\u001b[0m\nthree');
    expect((await hg(['output', 'out', path, '--from', '4'])).out).toBe('\u001b[31mtwo\u001b[0m\nthree');
    expect((await hg(['output', 'out', path, '--channel', '2'])).out).toBe('e1\ne2\n');
    expect((await hg(['output', 'out', path, '--strip-ansi'])).out).toBe('one\ntwo\nthree');
    expect((await hg(['output', 'out', path, '--all', '--strip-ansi'])).out).toBe('1| one\n1| two\n1| three\n2| e1\n2| e2\n');
  });

  it('reads much more than one page', async () => {
    await hg(['sh', '--run', 'big', 'seq 1 700000 > /dev/null; seq 1 700000']);
    const { stdout } = await hg(['output', 'big', await pathIn('big')]);
    expect(stdout.length).toBe(4_788_895);
    expect(stdout.subarray(-7).toString()).toBe('700000\n');
  });

  it('follows a command that runs, to its end', async () => {
    const running = start(['sh', '--run', 'tailed', 'echo a; echo b >&2; while [ ! -e go-tail ]; do sleep 0.05; done; echo c']);
    await running.until('a\n');
    const [producer] = await json<Producer[]>(['ps', '--json', '--run', 'tailed']);
    const follower = start(['output', '--live', 'tailed', producer!.path]);
    const both = start(['output', '--live', '--all', 'tailed', producer!.path]);
    await follower.until('a\n');
    await both.until('2| b\n');
    writeFileSync(join(project, 'go-tail'), '');
    expect(await follower.ended).toMatchObject({ code: 0, out: 'a\nc\n' });
    expect((await both.ended).out.split('\n').sort()).toEqual(['', '1| a', '1| c', '2| b']);
    await running.ended;
  });

  it('says what is wrong with a path, a run or a channel that is not there', async () => {
    for (const args of [
      ['out', 'log://turn_0/sh/none'],
      ['nobody', path],
      ['out', path, '--channel', '7'],
      ['out', path, '--channel', '7', '--live'],
    ]) {
      const { code, err, out } = await hg(['output', ...args]);
      expect({ args, code, out }).toEqual({ args, code: 1, out: '' });
      expect(err).toMatch(/^headgate: .+/);
    }
    expect((await hg(['output', 'out', 'nonsense'])).code).toBe(2);
  });
});

describe('listings', () => {
  it('show runs and commands to people in columns and to programs as JSON', async () => {
    const running = start(['sh', '--run', 'listed', 'echo some output; while [ ! -e go-list ]; do sleep 0.05; done']);
    await running.until('some output');
    const [live] = await json<Producer[]>(['ps', '--json', '--run', 'listed']);
    expect(live).toMatchObject({ run: 'listed', state: 'running', pid: expect.any(Number) as number });
    const table = (await hg(['ps', '--run', 'listed'])).out.split('\n');
    expect(table[0]).toMatch(/^# +RUN +PATH +STATE +PID +AGE +OUTPUT +COMMAND$/);
    expect(table[1]).toContain(live!.path);
    writeFileSync(join(project, 'go-list'), '');
    await running.ended;
    const none = await hg(['ps', '--run', 'listed']);
    expect(none).toMatchObject({ code: 0, out: '' });
    expect(none.err).toContain('--all');
    expect((await hg(['ps', '--all', '--run', 'listed'])).out).toContain('exit 0');
    const runs = await json<{ run: string }[]>(['runs', '--json']);
    expect(runs.map(({ run }) => run)).toContain('listed');
    expect((await hg(['runs'])).out).toMatch(/^RUN +STATUS +OUTCOME +MODEL +TURN +CHANGED +TITLE\n/);
    expect(await json<unknown[]>(['runs', '--json', '--limit', '1'])).toHaveLength(1);
  });

  it('belong to the project of the working directory, or the one that is named', async () => {
    const other = join(root, 'other');
    mkdirSync(other);
    expect(JSON.parse((await hg(['runs', '--json'], { cwd: other })).out)).toEqual([]);
    expect(JSON.parse((await hg(['runs', '--json', '--project', project], { cwd: other })).out)).not.toEqual([]);
  });

  it('carry colours only where they are wanted', async () => {
    const coloured = await hg(['doctor'], { env: { FORCE_COLOR: '1' } });
    expect(coloured.out).toContain('\u001b[');
    const plain = await hg(['doctor'], { env: { FORCE_COLOR: '1', NO_COLOR: '1' } });
    expect(plain.out).not.toContain('\u001b[');
  });

  it('survive a reader that stops early', async () => {
    const { code, err } = await head(['output', 'big', await pathIn('big')]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
  });
});

describe('headgate cancel', () => {
  it('ends a command with its children and says what became of them', async () => {
    const running = start(['sh', '--run', 'doomed', 'sleep 600 & echo ready; wait']);
    await running.until('ready');
    const cancelled = await hg(['cancel', 'doomed', '--reason', 'wrong branch']);
    expect(cancelled.code).toBe(0);
    expect(cancelled.out).toMatch(/^cancelled log:\S+: \d+ processes? confirmed gone\n$/);
    const shell = await running.ended;
    expect(shell.code).toBe(130);
    expect(shell.err).toMatch(/cancelled by cli:\d+: wrong branch/);
  });

  it('asks which one when several run, and says so when none does', async () => {
    const two = [1, 2].map(() => start(['sh', '--run', 'pair', '--no-stdin', 'echo ready; sleep 600']));
    for (const one of two) await one.until('ready');
    const unclear = await hg(['cancel', 'pair']);
    expect(unclear.code).toBe(2);
    const lines = unclear.err.split('\n').filter((line) => line.includes('headgate cancel pair log://'));
    expect(lines).toHaveLength(2);
    for (const producer of await json<Producer[]>(['ps', '--json', '--run', 'pair'])) {
      const report = await json<{ receipt: { confirmedDead: number[]; escaped: number[] } }>(['cancel', 'pair', producer.path, '--json']);
      expect(report.receipt.confirmedDead.length).toBeGreaterThan(0);
      expect(report.receipt.escaped).toEqual([]);
    }
    await Promise.all(two.map(({ ended }) => ended));
    expect((await hg(['cancel', 'pair'])).err).toContain('no command of pair runs');
  });
});

describe('{#cli_rpc} headgate rpc', () => {
  it('calls any method, with params from the command line or from standard input', async () => {
    expect(await json(['rpc', 'ping'])).toMatchObject({ pong: true });
    expect(Object.keys((await json<{ methods: object }>(['rpc', 'discover'])).methods)).toContain('stream/cancel');
    const piped = await hg(['rpc', 'startRun', '-'], { input: '{"model": "scripted", "alias": "by-rpc"}' });
    expect(JSON.parse(piped.out)).toMatchObject({ run: 'by-rpc' });
    expect(await json(['rpc', 'getRun', '{"run": "by-rpc"}'])).toMatchObject({ run: 'by-rpc', status: 100 });
  });

  it('shows an error as a message and its facts as JSON', async () => {
    const wrong = await hg(['rpc', 'getRun', '{"run": "by-rpc", "extra": 1}']);
    expect(wrong.code).toBe(2);
    expect(JSON.parse(wrong.err.split('\n')[0] ?? '')).toMatchObject({ code: -32602, name: 'invalid_params' });
    expect(wrong.err).toMatch(/^headgate: .*extra/m);
    expect((await hg(['rpc', 'getRun', '{"run": "nobody"}'])).code).toBe(1);
    const unknown = await hg(['rpc', 'noSuchMethod']);
    expect([unknown.code, unknown.err.match(/headgate rpc discover/g)]).toEqual([2, ['headgate rpc discover']]);
  });

  it('is a JSON-RPC connection with --stdio, and ends when all is answered', async () => {
    const messages = [
      { jsonrpc: '2.0', id: 1, method: 'init', params: { name: 'p', projectRoot: project } },
      { jsonrpc: '2.0', id: 2, method: 'ping' },
      { jsonrpc: '2.0', id: 'x', method: 'getRun', params: { run: 'nobody' } },
    ];
    const { code, out } = await hg(['rpc', '--stdio'], { input: messages.map((one) => JSON.stringify(one)).join('\n') });
    expect(code).toBe(0);
    const answers = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { id?: unknown; method?: string; result?: unknown; error?: { code: number } });
    expect(answers[0]?.method).toBe('headgate/hello');
    expect(answers.find(({ id }) => id === 2)?.result).toMatchObject({ pong: true });
    expect(answers.find(({ id }) => id === 'x')?.error?.code).toBe(-32004);
  });

  it('{#cli_server} reaches a server by URL and token, or by its socket, from anywhere', async () => {
    const nowhere = { data: join(root, 'nowhere') };
    expect((await hg(['rpc', 'ping'], nowhere)).code).toBe(3);
    expect((await hg(['rpc', 'ping', '--url', server.url, '--token', server.token], nowhere)).code).toBe(0);
    expect((await hg(['rpc', 'ping', '--socket', server.socket], nowhere)).code).toBe(0);
    expect((await hg(['rpc', 'ping'], { ...nowhere, env: { HEADGATE_URL: server.http, HEADGATE_TOKEN: server.token } })).code).toBe(0);
    const wrong = await hg(['rpc', 'ping', '--url', server.url, '--token', 'wrong'], nowhere);
    expect(wrong.code).toBe(4);
    expect(wrong.err).toContain('--token');
    const stdio = await hg(['rpc', '--stdio', '--url', server.url, '--token', server.token], {
      ...nowhere,
      input: '{"jsonrpc":"2.0","id":1,"method":"ping"}\n',
    });
    expect(stdio.code).toBe(0);
    expect(stdio.out).toContain('"pong":true');
  });
});

describe('{#cli_act} headgate act and ask', () => {
  const scenario = (name: string, text: string) => {
    writeFileSync(join(project, `${name}.yaml`), text);
    return hg(['rpc', 'addModel', JSON.stringify({ alias: name, actual: `${name}.yaml`, provider: 'scripted' })]);
  };

  it('writes the words of the model to standard output and everything else to standard error', async () => {
    await scenario('talk', 'steps:\n  - say: All is well.\n');
    const { code, out, err } = await hg(['ask', '--model', 'talk', 'how are things?']);
    expect({ code, out }).toEqual({ code: 0, out: 'All is well.\n' });
    expect(err).toMatch(/done \(200\)/);
  });

  it('accepts commands with --yes, shows their output, and exits when the loop ends', async () => {
    await scenario(
      'worker',
      'steps:\n  - say: Counting.\n    calls:\n      - tool: sh\n        input: { command: "seq 3; echo warn >&2; touch counted" }\n  - say: Counted.\n',
    );
    const { code, out, err } = await hg(['act', '--yes', '--model', 'worker', '--run', 'worked', 'count']);
    expect({ code, out }).toEqual({ code: 0, out: 'Counting.\nCounted.\n' });
    expect(err).toContain('$ seq 3');
    expect(err).toContain('  | 1\n  | 2\n  | 3\n');
    expect(err).toContain('  ! warn\n');
    expect(err).toMatch(/exit 0 \(channel 1: 6 B, channel 2: 5 B\)/);
    const watched = await hg(['attach', 'worked']);
    expect(watched.code).toBe(0);
    expect(watched.out).toContain('  | 1\n  | 2\n  | 3\n');
    expect(watched.out).toContain('Counted.\n');
  });

  it('waits without a terminal for somebody else to answer, and says how', async () => {
    const running = start(['act', '--model', 'worker', '--run', 'waiting', 'count']);
    await running.until('headgate attach waiting', 'err');
    const [proposal] = await json<{ path: string }[]>(['rpc', 'getProposals', '{"run": "waiting"}']);
    await hg([
      'rpc',
      'run/resolve',
      JSON.stringify({ run: 'waiting', resolution: { path: proposal!.path, action: 'reject', output: 'not now' } }),
    ]);
    const { err } = await running.ended;
    expect(err).toMatch(/rejected by cli:\d+/);
  });

  it('{#cli_exit_codes} exits 1 when the loop fails, 130 when it is interrupted, and prints its end as JSON', async () => {
    await scenario('broken', 'steps:\n  - fail: model_unreachable\n');
    const failed = await hg(['act', '--json', '--model', 'broken', 'go']);
    expect(failed.code).toBe(1);
    expect(JSON.parse(failed.out)).toMatchObject({ loop: 1, status: 500 });
    const running = start(['act', '--model', 'worker', '--run', 'interrupted', 'count']);
    await running.until('headgate attach interrupted', 'err');
    running.process.kill('SIGINT');
    expect((await running.ended).code).toBe(130);
    expect(await json(['rpc', 'getRun', '{"run": "interrupted"}'])).toMatchObject({ status: 499 });
    expect((await hg(['act', '--model', 'no-such-model', 'go'])).code).toBe(1);
  });

  it('takes HEADGATE_MODEL, else the only model there is, and asks for a name when there are several', async () => {
    const named = await hg(['ask', 'how are things?'], { env: { HEADGATE_MODEL: 'talk' } });
    const newRun = await hg(['ask', '--run', 'named-talk', 'how are things?'], { env: { HEADGATE_MODEL: 'talk' } });
    expect([newRun.code, newRun.out]).toEqual([named.code, named.out]);
    const { model } = JSON.parse((await hg(['rpc', 'getRun', '{"run": "named-talk"}'])).out) as { model: string };
    expect(model).toBe('talk');
    expect(named.out).toBe('All is well.\n');
    const unclear = await hg(['ask', 'how are things?']);
    expect(unclear.code).toBe(2);
    expect(unclear.err).toMatch(/several models: .*talk.*\n.*--model/);
  });

  it('takes the prompt from standard input', async () => {
    const { code, out } = await hg(['ask', '--model', 'talk', '-'], { input: 'a long\nprompt\n' });
    expect({ code, out }).toEqual({ code: 0, out: 'All is well.\n' });
  });
});

describe('the built command', () => {
  it('runs from any folder and is executable by itself', () => {
    expect(readFileSync(MAIN, 'utf8').startsWith('#!/usr/bin/env node')).toBe(true);
  });
});

/** Runs a command with `| head -1` behind it, as a user's shell does. */
async function head(args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const line = `${[process.execPath, MAIN, ...args].map(shellQuote).join(' ')} < /dev/null | head -1`;
  const child = spawn('sh', ['-c', line], { cwd: project, env: cliEnv({ data }), stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close') as Promise<[number | null]>]);
  return { code, out, err };
}
