import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ProducerFolder } from '../../../src/backends/shim/producer-folder.ts';
import { SHIM_SH } from '../../../src/backends/shim/shim-sh.ts';
import { SHIM_FILE, TRAPPED_SIGNALS } from '../../../src/backends/shim/shim-text.ts';
import { serviceAvailable } from '../../support/require.ts';

const SHELLS = [['sh'], ['dash'], ['bash', '--posix'], ['busybox', 'sh']].map((argv) => ({ name: argv.join(' '), argv }));

function isThere({ argv: [program = '', ...args] }: { argv: string[] }): boolean {
  if (program === 'busybox') return serviceAvailable('busybox');
  return spawnSync(program, [...args, '-c', 'exit 0']).status === 0;
}

describe.each(SHELLS)('the shim under $name', (shell) => {
  let spool: string;
  let folder: ProducerFolder;

  beforeEach(() => {
    spool = mkdtempSync(join(tmpdir(), 'headgate-shim-'));
    folder = new ProducerFolder(spool, 'p1');
    writeFileSync(join(spool, SHIM_FILE), SHIM_SH);
  });

  afterEach(() => rmSync(spool, { recursive: true, force: true }));

  function launch(command: string, env: Record<string, string> = {}, stdin = false) {
    const [program = '', ...args] = shell.argv;
    folder.prepare({ command, cwd: spool, env, stdin });
    return spawn(program, [...args, join(spool, SHIM_FILE), folder.path, stdin ? '1' : '0', '1', '/bin/sh', '-c', command], {
      cwd: spool,
      env: { ...process.env, ...env },
      detached: true,
      stdio: 'ignore',
    });
  }

  async function run(command: string, env: Record<string, string> = {}): Promise<{ code: number | undefined; out: string; err: string }> {
    await once(launch(command, env), 'exit');
    return { code: folder.exitCode(), out: readFileSync(folder.output(1), 'utf8'), err: readFileSync(folder.output(2), 'utf8') };
  }

  test.skipIf(!isThere(shell))("{#shim_exit} publishes the exit code, and the output is the command's alone", async () => {
    expect(await run('echo out; echo err >&2; exit 3')).toEqual({ code: 3, out: 'out\n', err: 'err\n' });
    rmSync(folder.path, { recursive: true });
    expect(await run('kill -TERM $$')).toEqual({ code: 143, out: '', err: '' });
  });

  test.skipIf(!isThere(shell))('{#shim_exit} outlives every signal it traps, sent to its whole group, which ends the command', async () => {
    for (const signal of TRAPPED_SIGNALS.filter((name) => !['SIGTSTP', 'SIGTTIN', 'SIGTTOU'].includes(name))) {
      const { code } = await run(`ulimit -c 0; kill -${signal.slice(3)} 0; exit 5`);
      expect(code, signal).toBeGreaterThan(128);
      rmSync(folder.path, { recursive: true });
    }
  });

  test.skipIf(!isThere(shell))(
    '{#command_group} the command leads its group: a kill of the whole group ends that alone, and says so',
    async () => {
      expect(await run('sleep 300 & echo before; kill -KILL 0; echo after')).toEqual({ code: 137, out: 'before\n', err: '' });
      rmSync(folder.path, { recursive: true });
      expect(await run('sleep 300 & echo before >&2; kill -TERM -$$; sleep 5')).toEqual({ code: 143, out: '', err: 'before\n' });
      rmSync(folder.path, { recursive: true });
      const { out } = await run('echo $$; read -r stat < /proc/$$/stat; set -- $stat; echo $5 $6');
      const leader = folder.main()?.pid;
      expect(out).toBe(`${leader}\n${leader} ${leader}\n`);
    },
  );

  test.skipIf(!isThere(shell))('{#shim_claim} claims with pid, start time and boot, and leaves a claimed folder alone', async () => {
    // One of the two claims; the other may be gone before the claim is written.
    await Promise.all([launch('echo once'), launch('echo twice')].map((shim) => once(shim, 'exit')));
    const claim = folder.claim();
    expect(claim).toMatchObject({ state: 'claimed' });
    expect(readFileSync(folder.output(1), 'utf8')).toMatch(/^(once|twice)\n$/);
    if (claim.state === 'claimed') {
      expect(claim.shim.bootId).toBe(readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim());
      expect(Number(claim.shim.startTicks)).toBeGreaterThan(0);
    }
  });

  test.skipIf(!isThere(shell))('{#shim_claim} runs nothing when a kill was there first', async () => {
    expect(folder.bar()).toBe(true);
    await once(launch('echo ran'), 'exit');
    expect([folder.claim().state, folder.exitCode(), readFileSync(folder.output(1), 'utf8')]).toEqual(['barred', undefined, '']);
  });

  test.skipIf(!isThere(shell))("leaves the command's environment and arguments as they were asked for", async () => {
    const env = { code: 'a', d: 'b', IFS: ':', HOLDER: 'c', PATH: process.env['PATH'] ?? '', CDPATH: '/', odd: 'it\'s $HOME `date` "x"\n' };
    const { out } = await run('echo "$code $d $HOLDER $# $0 $odd"; set | grep -c ^HEADGATE_SHIM', env);
    expect(out).toBe('a b c 0 /bin/sh it\'s $HOME `date` "x"\n\n0\n');
  });

  test.skipIf(!isThere(shell))('{#stdin} makes a FIFO that does not end when a writer goes', async () => {
    const shim = launch('cat', {}, true);
    const end = once(shim, 'exit');
    while (!folder.inputHolder()) await new Promise((resolve) => setTimeout(resolve, 2));
    writeFileSync(folder.input, 'one\n');
    writeFileSync(folder.input, 'two\n');
    process.kill(folder.inputHolder()?.pid ?? 0, 'SIGKILL');
    await end;
    expect([readFileSync(folder.output(1), 'utf8'), folder.exitCode()]).toEqual(['one\ntwo\n', 0]);
  });

  test.skipIf(!isThere(shell))('{#copiers} what opens /dev/stderr or /dev/stdout again, or truncates it, loses nothing', async () => {
    const { out, err } = await run(
      'for i in 1 2 3; do echo $i > /dev/stderr; done; echo a; echo b > /dev/stdout; echo c; test -p /dev/stdout || echo file',
    );
    expect([out, err]).toEqual(['a\nb\nc\n', '1\n2\n3\n']);
  });

  test.skipIf(!isThere(shell))('{#copiers} the exit code comes at once, the end of the output when the last writer has gone', async () => {
    const end = once(launch('(while [ ! -e go ]; do sleep 0.01; done; echo late) & echo early; exit 4'), 'exit');
    while (folder.exitCode() === undefined) await new Promise((resolve) => setTimeout(resolve, 2));
    expect([folder.exitCode(), folder.copied()]).toEqual([4, undefined]);
    writeFileSync(join(spool, 'go'), '');
    await end;
    expect([folder.copied(), readFileSync(folder.output(1), 'utf8')]).toEqual([[0, 0], 'early\nlate\n']);
  });

  test.skipIf(!isThere(shell))('{#copiers} a command that kills its whole group with SIGKILL loses no byte of what it wrote', async () => {
    const { code, out } = await run('head -c 60000 /dev/zero; kill -9 0');
    expect([out.length, code, folder.copied()]).toEqual([60_000, 137, [0, 0]]);
  });

  test.skipIf(!isThere(shell))('{#copiers} a copier that is killed from outside is said', async () => {
    const end = once(launch('echo up; while [ ! -e go ]; do sleep 0.01; done; echo more'), 'exit');
    while (readFileSync(folder.output(1), 'utf8') !== 'up\n') await new Promise((resolve) => setTimeout(resolve, 2));
    process.kill(folder.copiers()?.[0]?.pid ?? 0, 'SIGKILL');
    writeFileSync(join(spool, 'go'), '');
    await end;
    expect(folder.copied()).toEqual([137, 0]);
  });

  test.skipIf(!isThere(shell))('a program that is not there is named on standard error, and ends with 127', async () => {
    folder.prepare({ command: '', cwd: spool, env: {}, stdin: false });
    const [program = '', ...args] = shell.argv;
    await once(
      spawn(program, [...args, join(spool, SHIM_FILE), folder.path, '0', '1', 'no such program', 'x'], { detached: true, stdio: 'ignore' }),
      'exit',
    );
    expect([folder.exitCode(), readFileSync(folder.output(2), 'utf8')]).toEqual([127, 'headgate: no such program: not found\n']);
  });

  test.skipIf(!isThere(shell))('ends when its folder is removed under it', async () => {
    const shim = launch('echo up; sleep 0.2');
    const end = once(shim, 'exit');
    while (readFileSync(folder.output(1), 'utf8') !== 'up\n') await new Promise((resolve) => setTimeout(resolve, 2));
    await folder.remove();
    await end;
    expect(shim.exitCode).toBe(0);
  });
});

describe('{#producer_folder} reading a producer folder', () => {
  let spool: string;
  let folder: ProducerFolder;

  beforeEach(() => {
    spool = mkdtempSync(join(tmpdir(), 'headgate-folder-'));
    folder = new ProducerFolder(spool, 'p1');
    mkdirSync(folder.path);
  });

  afterEach(() => rmSync(spool, { recursive: true, force: true }));

  test.each([
    ['', 'incomplete'],
    ['12 34 boot', 'incomplete'],
    ['12 34 boot\n', 'claimed'],
    ['barred\n', 'barred'],
    ['nonsense\n', 'incomplete'],
  ])('a pid file of %j is %s', (text, state) => {
    writeFileSync(join(folder.path, 'pid'), text);
    expect(folder.claim().state).toBe(state);
  });

  test.each([
    ['', undefined],
    ['1', undefined],
    ['13\n', 13],
    ['x\n', undefined],
    ['0\n', 0],
  ])('an exit file of %j means %s', (text, code) => {
    writeFileSync(join(folder.path, 'exit'), text);
    expect(folder.exitCode()).toBe(code);
  });

  test('a folder that is not there has no claim and no exit', async () => {
    await folder.remove();
    expect([folder.claim().state, folder.exitCode(), folder.durationMs(), folder.base(1)]).toEqual(['absent', undefined, undefined, 0]);
  });

  test('a claim is taken once', () => {
    expect([folder.bar(), folder.bar()]).toEqual([true, false]);
  });
});

test.skipIf(!serviceAvailable('bwrap'))(
  '{#command_group} where there is no setsid the command is not run, and the output says what to install',
  () => {
    const spool = mkdtempSync(join(tmpdir(), 'headgate-shim-'));
    try {
      const folder = new ProducerFolder(spool, 'p1');
      const shim = join(spool, SHIM_FILE);
      writeFileSync(shim, SHIM_SH);
      folder.prepare({ command: 'echo ran', cwd: spool, env: {}, stdin: false });
      const masked = ['--dev-bind', '/', '/', '--ro-bind', '/dev/null', '/usr/bin/setsid'];
      spawnSync('bwrap', [...masked, '/bin/sh', shim, folder.path, '0', '1', '/bin/sh', '-c', 'echo ran']);
      expect([folder.exitCode(), readFileSync(folder.output(1), 'utf8')]).toEqual([125, '']);
      expect(readFileSync(folder.output(2), 'utf8')).toBe('headgate: setsid: not found; install util-linux; the command was not run\n');
    } finally {
      rmSync(spool, { recursive: true, force: true });
    }
  },
);
