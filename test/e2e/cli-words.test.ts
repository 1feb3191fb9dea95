import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { shellQuote } from '../../src/cli/text.ts';
import { MAIN } from '../support/built-server.ts';
import { cli, cliEnv, startCli } from '../support/cli.ts';
import { liveServer } from '../support/live-server.ts';

const live = liveServer();
const hg = (args: readonly string[]) => cli(args, { cwd: live.root, data: live.data });
const running = async (run: string) => JSON.parse((await hg(['ps', '--json', '--run', run])).out) as { path: string }[];

describe('what the command line says', { timeout: 60_000 }, () => {
  it('{#cli_exit_codes} of a file that takes no more, as on a full disk: an error with exit code 1', async () => {
    const full = openSync('/dev/full', 'w');
    try {
      const child = spawn(process.execPath, [MAIN, 'sh', 'echo lost'], {
        cwd: live.root,
        env: cliEnv({ data: live.data }),
        stdio: ['ignore', full, 'pipe'],
      });
      let err = '';
      child.stderr!.on('data', (bytes: Buffer) => (err += bytes.toString()));
      expect(await once(child, 'close')).toEqual([1, null]);
      expect(err).toMatch(/^headgate: standard output could not be written: ENOSPC/);
    } finally {
      closeSync(full);
    }
  });

  it('{#cli_sh} of a command that no runner takes: what it waits for; Ctrl-C takes it back', async () => {
    const waiting = startCli(['sh', '--run', 'unserved', '--runner', 'nowhere', '--', 'true'], { cwd: live.root, data: live.data });
    await waiting.until('headgate: waits for a runner named or labelled "nowhere"', 'err');
    waiting.process.kill('SIGINT');
    expect((await waiting.ended).code).toBe(130);
    expect(await running('unserved')).toEqual([]);
  });

  it('{#cli_rpc} of an error about a method: the names of methods; other commands name commands', async () => {
    const said = (await hg(['rpc', 'getRun', '{"run": "nosuch"}'])).err;
    expect(said).toContain('headgate: no run "nosuch" in this project; getRuns lists them, startRun opens one\n');
    expect((await hg(['abort', 'nosuch'])).err).toContain('headgate runs lists them, headgate act --run opens one\n');
  });

  it('{#cli_sh} of --json without --propose: what it goes with, and nothing runs', async () => {
    const wrong = await hg(['sh', '--json', '--run', 'unasked', '--', 'true']);
    expect([wrong.code, wrong.out]).toEqual([2, '']);
    expect(wrong.err).toContain('--json goes with --propose');
    expect((await hg(['runs', '--json'])).out).not.toContain('unasked');
  });

  it('{#cli_exit_codes} of the help of a command that does not exist: that, and what is spelled like it', async () => {
    const wrong = await hg(['help', 'porta']);
    expect([wrong.code, wrong.out]).toEqual([2, '']);
    expect(wrong.err).toContain("unknown command 'porta'");
    expect(wrong.err).toContain('Did you mean portal?');
    expect((await hg(['help', 'models', 'add'])).out).toContain('Usage: headgate models add');
  });

  it('{#cli_answer} of a model whose provider lacks its key: what is missing, with exit code 1', async () => {
    const added = await hg(['models', 'add', 'keyless', 'claude', '--provider', 'anthropic']);
    expect(added.code).toBe(1);
    expect(added.err).toMatch(/^headgate: added model keyless, which cannot be asked yet: .*ANTHROPIC_API_KEY, which is not set/);
    expect(added.err).toContain('headgate models remove keyless');
    const [answer] = [JSON.parse((await hg(['models', 'add', 'other', 'x', '--provider', 'anthropic', '--json'])).out) as object];
    expect(answer).toEqual({ alias: 'other', problem: expect.stringContaining('ANTHROPIC_API_KEY') as string });
    await hg(['models', 'remove', 'keyless']);
    await hg(['models', 'remove', 'other']);
  });

  it('{#errors} of a size that is out of its bounds: what it must be', async () => {
    const said = async (method: string, params: object) => (await hg(['rpc', method, JSON.stringify(params)])).err;
    const limit = 'headgate: limit: must be at least 1\n  headgate rpc discover shows the params of getRuns\n';
    expect(await said('getRuns', { limit: -1 })).toContain(limit);
    expect(await said('sh', { run: 'sizes', command: 'true', cwd: '' })).toContain('headgate: cwd: must not be empty\n');
  });

  it('{#cli_exit_codes} of a working directory that was removed under it', async () => {
    const gone = realpathSync(mkdtempSync(join(tmpdir(), 'headgate-gone-')));
    const line = `rmdir ${shellQuote(gone)}; exec ${[process.execPath, MAIN].map(shellQuote).join(' ')} ps`;
    const child = spawn('/bin/sh', ['-c', line], { cwd: gone, env: cliEnv({ data: live.data }), stdio: ['ignore', 'ignore', 'pipe'] });
    let err = '';
    child.stderr!.on('data', (bytes: Buffer) => (err += bytes.toString()));
    await once(child, 'close');
    rmSync(gone, { recursive: true, force: true });
    expect(err).toContain('headgate: the working directory is gone\n  cd to a folder that is there\n');
  });
});
