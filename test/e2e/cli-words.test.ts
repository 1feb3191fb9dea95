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
