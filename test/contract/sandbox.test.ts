import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createProcessBackend } from '../../src/backends/process/index.ts';
import { Sandboxes } from '../../src/backends/sandbox/index.ts';
import { systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import type { BackendHandle } from '../../src/model/ports/backend.ts';
import type { ProducerSpec } from '../../src/model/records.ts';
import { isRunningInside, withOwnNumbers } from '../support/own-processes.ts';
import { serviceAvailable } from '../support/require.ts';
import { type BackendSetup, backendContract } from './backend.contract.ts';
import { StoringSink } from './backend-probe.ts';

const KILL = { requestedBy: 'test', reason: null, signal: 'SIGKILL', graceMs: 2000 };

interface Place {
  readonly root: string;
  readonly project: string;
  readonly home: string;
  readonly data: string;
  readonly spool: string;
}

/** Not in the folder of temporary files: a sandbox has its own of that. */
function place(base = homedir()): Place {
  const root = realpathSync(mkdtempSync(join(base, '.headgate-sandbox-')));
  const made = {
    root,
    project: join(root, 'project'),
    home: join(root, 'home'),
    data: join(root, 'data'),
    spool: join(root, 'data', 'producers'),
  };
  for (const folder of [made.project, made.home, made.data]) mkdirSync(folder);
  return made;
}

const open = ({ spool, data }: Place, allow?: readonly string[]) =>
  createProcessBackend({ folder: spool, hidden: [data], clock: systemClock, logger: silentLogger, detachedGraceMs: 500, allow });

describe.skipIf(!serviceAvailable('bwrap'))('{#sandbox} in a sandbox', () => {
  backendContract('process', async (): Promise<BackendSetup> => {
    const here = place();
    const numbered = () => withOwnNumbers(open(here), here.spool);
    return {
      cwd: here.project,
      spec: { sandbox: { mode: 'workspace', network: false, root: here.project } },
      isolated: true,
      isRunning: (pid) => isRunningInside(here.spool, pid),
      backend: numbered(),
      reopen: numbered,
      dispose: async () => rmSync(here.root, { recursive: true, force: true }),
    };
  });
});

describe.skipIf(!serviceAvailable('bwrap'))('{#sandbox} a sandbox', () => {
  let here: Place;
  let handles: BackendHandle[];
  let server: Server | undefined;
  let count = 0;

  beforeEach(() => {
    here = place();
    handles = [];
    vi.stubEnv('HOME', here.home);
  });

  afterEach(async () => {
    vi.unstubAllEnvs();
    for (const handle of handles) await handle.kill(KILL);
    for (const handle of handles) await handle.detach();
    if (server) await new Promise((resolve) => server?.close(resolve));
    server = undefined;
    rmSync(here.root, { recursive: true, force: true });
  });

  async function run(command: string, change: Partial<ProducerSpec> = {}, allow?: readonly string[]) {
    const sandbox = { mode: 'workspace', network: false, root: here.project } as const;
    const sink = new StoringSink();
    const spec = { command, cwd: here.project, env: {}, stdin: false, sandbox, ...change };
    const handle = await open(here, allow).start({ producerId: `p${++count}`, spec }, sink);
    handles.push(handle);
    const { exitCode } = await handle.exited;
    await handle.closed;
    return { out: sink.text(1), err: sink.text(2), exitCode };
  }

  const readOnly = () => ({ sandbox: { mode: 'read-only', network: false, root: here.project } as const });

  test('workspace: what a command writes into the project stays, elsewhere it can write nothing', async () => {
    const outside = join(here.root, 'outside');
    const { out, exitCode } = await run(
      `echo kept > in; echo x > ${outside} || echo refused; echo x > /etc/x || echo refused; echo x > ~/x || echo refused`,
    );
    expect([out, exitCode]).toEqual(['refused\nrefused\nrefused\n', 0]);
    expect(readFileSync(join(here.project, 'in'), 'utf8')).toBe('kept\n');
    expect(existsSync(outside)).toBe(false);
  });

  test('read-only: nor into the project, which it can read', async () => {
    writeFileSync(join(here.project, 'file'), 'there\n');
    const { out } = await run('cat file; echo x > in || echo refused', readOnly());
    expect(out).toBe('there\nrefused\n');
    expect(existsSync(join(here.project, 'in'))).toBe(false);
  });

  test('has temporary folders of its own, which are gone with it', async () => {
    const name = join(tmpdir(), `headgate-${process.pid}-mine`);
    expect((await run(`echo mine > ${name} && cat ${name}; ls /run`)).out).toBe('mine\n');
    expect(existsSync(name)).toBe(false);
  });

  test('shows no keys and tokens of the home directory, and none of the data folder', async () => {
    for (const secret of ['.ssh/id_ed25519', '.aws/credentials', '.config/gh/hosts.yml', '.netrc', '.git-credentials']) {
      mkdirSync(join(here.home, secret, '..'), { recursive: true });
      writeFileSync(join(here.home, secret), 'SECRET\n');
    }
    writeFileSync(join(here.home, 'notes'), 'notes\n');
    writeFileSync(join(here.data, 'token'), 'SECRET\n');
    writeFileSync(join(here.data, 'headgate.db'), 'SECRET\n');
    const { out } = await run(
      `cat ~/.ssh/* ~/.aws/* ~/.config/gh/* ~/.netrc ~/.git-credentials ${here.data}/* /proc/1/root${here.data}/token; cat ~/notes; ls -A ~/.ssh ${here.data} | grep -c .; echo x > ~/.ssh/config || echo refused`,
    );
    expect(out).not.toContain('SECRET');
    expect(out).toContain('notes\n');
    expect(out).toContain('refused\n');
  });

  test('hides a secret also where a link leads to it, and in a project around it', async () => {
    const keys = join(here.root, 'keys');
    mkdirSync(keys);
    writeFileSync(join(keys, 'id'), 'SECRET\n');
    symlinkSync(keys, join(here.home, '.ssh'));
    writeFileSync(join(here.home, '.netrc'), 'SECRET\n');
    const whole = { cwd: here.home, sandbox: { mode: 'workspace', network: false, root: here.home } as const };
    const { out } = await run(`cat ${keys}/id ~/.ssh/id ~/.netrc; echo work > file; cat file`, whole);
    expect(out).toBe('work\n');
  });

  test('has a project inside a folder that is hidden around it', async () => {
    const inside = join(here.home, '.config', 'gh', 'extension');
    mkdirSync(inside, { recursive: true });
    writeFileSync(join(here.home, '.config', 'gh', 'hosts.yml'), 'SECRET\n');
    const sandbox = { mode: 'workspace', network: false, root: inside } as const;
    const { out } = await run('echo work > file; cat file; cat ../hosts.yml; ls ..', { cwd: inside, sandbox });
    expect(out).toBe('work\nextension\n');
  });

  test('refuses a project that is the whole file system, is hidden itself, or is not there', async () => {
    const at = (root: string) => run('true', { sandbox: { mode: 'workspace', network: false, root } });
    await expect(at('/')).rejects.toMatchObject({ kind: 'forbidden', facts: { outcome: 'sandbox_refused' } });
    await expect(at(here.data)).rejects.toMatchObject({ kind: 'forbidden' });
    await expect(at(join(here.root, 'gone'))).rejects.toMatchObject({ kind: 'not_found' });
    expect(existsSync(join(here.spool, `p${count}`))).toBe(false);
  });

  test('refuses a project inside of the data folder, and one that has become a link', async () => {
    const at = (root: string) => run('true', { cwd: root, sandbox: { mode: 'workspace', network: false, root } });
    const inside = join(here.data, 'project');
    mkdirSync(inside);
    await expect(at(inside)).rejects.toMatchObject({ kind: 'forbidden', facts: { outcome: 'sandbox_refused' } });
    const turned = join(here.root, 'turned');
    symlinkSync(here.home, turned);
    await expect(at(turned)).rejects.toMatchObject({ kind: 'forbidden', facts: { outcome: 'sandbox_refused' } });
  });

  test('keeps a data folder that is further down in the project from being moved away with the folder around it', async () => {
    const { out } = await run(
      'mkdir -p deep && mv data data-2 || echo 1; mv home home-2 && echo moved; cat data/token; mv home-2 home; cd ..; mv project/x x || echo 2',
      { cwd: here.root, sandbox: { mode: 'workspace', network: false, root: here.root } },
    );
    expect(out).toContain('1\nmoved\n2\n');
    const further = join(here.root, 'a', 'b', 'data');
    mkdirSync(join(here.root, 'a', 'b'), { recursive: true });
    renameSync(here.data, further);
    here = { ...here, data: further, spool: join(further, 'producers') };
    const moved = await run('mv a a-2 || echo 1; mv a/b a/b-2 || echo 2; touch a/file a/b/file && echo written', {
      cwd: here.root,
      sandbox: { mode: 'workspace', network: false, root: here.root },
    });
    expect(moved.out).toBe('1\n2\nwritten\n');
  });

  test('keeps the repository of the project from being changed, moved away or replaced', async () => {
    const git = join(here.project, '.git');
    mkdirSync(join(git, 'hooks'), { recursive: true });
    writeFileSync(join(git, 'config'), '[core]\n');
    const { out } = await run(
      'echo x > .git/hooks/pre-commit || echo 1; echo x >> .git/config || echo 2; echo . > .git/commondir || echo 3; mv .git old || echo 4; rm -rf .git || echo 5; cat .git/config',
    );
    expect(out).toBe('1\n2\n3\n4\n5\n[core]\n');
    const outside = join(here.root, 'elsewhere');
    mkdirSync(outside);
    rmSync(git, { recursive: true });
    symlinkSync(outside, git);
    await expect(run('true')).rejects.toMatchObject({ kind: 'forbidden' });
    expect((await run('echo read', readOnly())).out).toBe('read\n');
  });

  test('has no network unless it is asked for', async () => {
    server = createServer((socket) => socket.end('hello\n'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const dial = `${process.execPath} -e 'require("net").connect(${port}, "127.0.0.1").on("error", (e) => console.log(e.code)).pipe(process.stdout)'`;
    expect((await run(dial)).out).toBe('ECONNREFUSED\n');
    const network = { sandbox: { mode: 'workspace', network: true, root: here.project } as const };
    expect((await run(dial, network)).out).toBe('hello\n');
  });

  test('lets a command neither see nor signal a process outside', async () => {
    const { out } = await run(`kill -0 ${process.pid} 2> /dev/null || echo none; ls /proc | grep -c '^[0-9]'; id -u`);
    const [none, seen, uid] = out.split('\n');
    expect([none, uid]).toEqual(['none', String(process.getuid?.())]);
    expect(Number(seen)).toBeLessThan(10);
  });

  test('leaves the settings of the kernel alone, also for root', async () => {
    const before = readFileSync('/proc/sys/kernel/domainname', 'utf8');
    expect((await run('echo changed > /proc/sys/kernel/domainname || echo refused')).out).toBe('refused\n');
    expect(readFileSync('/proc/sys/kernel/domainname', 'utf8')).toBe(before);
  });

  test('leaves a shim that is about to begin what was written for it, while a second start writes the same', () => {
    const folder = join(here.data, 'producer');
    mkdirSync(folder);
    const sandboxes = new Sandboxes({ hidden: [here.data] });
    const spec = (cwd: string) =>
      ({ command: 'true', cwd, env: {}, stdin: false, sandbox: { mode: 'read-only', network: false, root: here.project } }) as const;
    const bubblewrap = { path: '/usr/bin/bwrap', version: '', isolation: [] };
    const box = (cwd: string) => sandboxes.box(bubblewrap, spec(cwd), folder, {}, {});
    box(here.project);
    const opened = ['sandbox', 'filter'].map((name) => openSync(join(folder, name), 'r'));
    const written = ['sandbox', 'filter'].map((name) => readFileSync(join(folder, name)));
    box('/');
    expect(opened.map((fd) => readFileSync(fd))).toEqual(written);
    expect(readFileSync(join(folder, 'sandbox'))).not.toEqual(written[0]);
    for (const fd of opened) closeSync(fd);
  });

  test('leaves the file with its arguments and its environment open to nobody', async () => {
    const { out } = await run("readlink /proc/$$/fd/* | grep -c '/sandbox$'; ls /proc/$$/fd/9 || echo closed", { env: { GIVEN: 'given' } });
    expect(out).toBe('0\nclosed\n');
  });

  test('gives no capabilities, and no way to get more', async () => {
    const { out } = await run("grep -E '^(CapEff|CapBnd|NoNewPrivs|SigIgn):' /proc/self/status | tr -d '\\t'");
    expect(out.split('\n').slice(0, 4)).toEqual([
      'SigIgn:0000000000000000',
      'CapEff:0000000000000000',
      'CapBnd:0000000000000000',
      'NoNewPrivs:1',
    ]);
  });

  test('gives the shim, which is outside, nothing that the command chose', async () => {
    const lure = join(here.project, 'bin');
    const outside = join(here.root, 'lured');
    mkdirSync(lure);
    for (const name of ['mkfifo', 'sleep', 'bwrap']) {
      writeFileSync(join(lure, name), `#!/bin/sh\ntouch ${outside}\n`);
      chmodSync(join(lure, name), 0o755);
    }
    vi.stubEnv('PATH', `${lure}:${process.env['PATH']}`);
    const env = { PATH: `${lure}:/usr/bin:/bin`, ENV: join(lure, 'sleep'), LD_PRELOAD: join(lure, 'lib.so') };
    const { out } = await run('echo "$PATH"', { env, stdin: true });
    expect(out).toBe(`${lure}:/usr/bin:/bin\n`);
    expect(existsSync(outside)).toBe(false);
  });

  test('passes a command with quotes, newlines and dollars exactly, and refuses one that is too long with its quotes', async () => {
    const { out } = await run(`printf '%s\\n' 'it'"'"'s' "\\$HOME" 'a\nb' "-- *"`);
    expect(out).toBe("it's\n$HOME\na\nb\n-- *\n");
    await expect(run(`: ${"'".repeat(60_000)}`)).rejects.toMatchObject({ kind: 'too_large' });
  });

  test('puts what it is given as environment into no argument that other users can read', async () => {
    const { out } = await run('for p in /proc/[0-9]*; do tr "\\0" " " < $p/cmdline; done; echo; echo "$GIVEN"', {
      env: { GIVEN: 'hush-hush' },
    });
    const [, given] = out.split('\n');
    expect([given, out.indexOf('hush-hush')]).toEqual(['hush-hush', out.length - 'hush-hush\n'.length]);
  });

  test('has its terminal outside, where there is one: its size, Ctrl-C and the exit code are as ever', async () => {
    const sandbox = { mode: 'workspace', network: false, root: here.project } as const;
    const tty = { term: 'vt100', cols: 90, rows: 30 };
    const command = 'stty size; echo $TERM; trap "echo stopped; exit 6" INT; echo x > /etc/x || echo up; while :; do sleep 0.05; done';
    const request = { producerId: 'tty', spec: { command, cwd: here.project, env: {}, stdin: true, tty, sandbox } };
    const backend = open(here);
    const sink = new StoringSink();
    if (!(await backend.capabilities()).tty) {
      await expect(backend.start(request, sink)).rejects.toMatchObject({ kind: 'unsupported' });
      return;
    }
    const handle = await backend.start(request, sink);
    handles.push(handle);
    await sink.match(1, /30 90\r\nvt100\r\n[^]*up\r\n/);
    await handle.write(Buffer.from([3]));
    expect((await handle.exited).exitCode).toBe(6);
    await handle.closed;
    expect(sink.text(1)).toMatch(/stopped\r\n$/);
  });

  test('stops and goes on as a whole when the store is slow', async () => {
    const release: (() => void)[] = [];
    let written = 0;
    const stuck = {
      write: (_channel: number, _offset: number, bytes: Buffer) => {
        written += bytes.length;
        return new Promise<void>((resolve) => release.push(resolve));
      },
    };
    const sandbox = { mode: 'workspace', network: false, root: here.project } as const;
    const spec = { command: 'head -c 67108864 /dev/zero; exit 4', cwd: here.project, env: {}, stdin: false, sandbox };
    const handle = await open(here).start({ producerId: 'slow', spec }, stuck);
    handles.push(handle);
    const timer = setInterval(() => release.splice(0).forEach((go) => go()), 1);
    expect((await handle.exited).exitCode).toBe(4);
    await handle.closed;
    clearInterval(timer);
    expect(written).toBe(67_108_864);
  });

  test('is refused with how to get it where bubblewrap is missing, and the command does not run', async () => {
    const backend = createProcessBackend({ folder: here.spool, sandboxFolders: [here.home], clock: systemClock, logger: silentLogger });
    const sandbox = { mode: 'workspace', network: false, root: here.project } as const;
    const spec = { command: 'touch ran', cwd: here.project, env: {}, stdin: false, sandbox };
    const refused = { kind: 'unsupported', message: expect.stringContaining('apt-get install bubblewrap') };
    await expect(backend.start({ producerId: 'p', spec }, new StoringSink())).rejects.toMatchObject(refused);
    expect(existsSync(join(here.project, 'ran'))).toBe(false);
    expect((await backend.capabilities()).sandbox).toMatchObject({ available: false });
    expect((await open(here).capabilities()).sandbox).toMatchObject({ available: true, detail: expect.stringContaining('bubblewrap') });
  });

  test('is refused with the reason where bubblewrap cannot make one, and the command does not run', async () => {
    const broken = join(here.home, 'bwrap');
    writeFileSync(
      broken,
      '#!/bin/sh\necho "bwrap: No permissions to create new namespace, likely because the kernel does not allow it" >&2\nexit 1\n',
    );
    chmodSync(broken, 0o755);
    const backend = createProcessBackend({ folder: here.spool, sandboxFolders: [here.home], clock: systemClock, logger: silentLogger });
    expect((await backend.capabilities()).sandbox?.reason).toMatch(/user namespaces .*No permissions to create new namespace/);
  });

  test.skipIf(process.getuid?.() !== 0)('holds for an ordinary user as well', async () => {
    const uid = 54_321;
    rmSync(here.root, { recursive: true });
    here = place(tmpdir());
    writeFileSync(join(here.home, '.netrc'), 'SECRET\n', { mode: 0o644 });
    for (const folder of [here.root, here.home, here.data]) chmodSync(folder, 0o755);
    chownSync(here.project, uid, uid);
    const command =
      'id -u; echo kept > in; echo x > /etc/x || echo refused; cat ~/.netrc; touch /proc/sys/x || echo refused; kill -TERM $$';
    const sandbox = { mode: 'workspace', network: false, root: here.project } as const;
    const bubblewrap = await new Sandboxes({ hidden: [] }).require();
    const boxed = new Sandboxes({ hidden: [here.data], homes: [here.home] }).box(
      bubblewrap,
      { command, cwd: here.project, env: {}, stdin: false, sandbox },
      here.home,
      { PATH: '/usr/bin:/bin', HOME: here.home },
      {},
    );
    for (const name of ['sandbox', 'filter']) chownSync(join(here.home, name), uid, uid);
    const child = spawn('/bin/sh', ['-c', boxed.command], { uid, gid: uid, env: { ...boxed.env }, cwd: here.project });
    let out = '';
    child.stdout.on('data', (chunk) => (out += String(chunk)));
    const [code] = (await once(child, 'close')) as [number];
    expect([out, code]).toEqual([`${uid}\nrefused\nrefused\n`, 143]);
    expect(readFileSync(join(here.project, 'in'), 'utf8')).toBe('kept\n');
  });

  describe('{#environment} the environment of a command', () => {
    beforeEach(() => {
      vi.stubEnv('HEADGATE_TOKEN', 'own-secret');
      vi.stubEnv('SOME_SETTING', 'setting');
      vi.stubEnv('GH_TOKEN', 'token');
      vi.stubEnv('LC_TIME', 'C');
    });
    const show = 'echo "$LC_TIME,$SOME_SETTING,$GH_TOKEN,$HEADGATE_TOKEN,$GIVEN,$HEADGATE_PRODUCER"; test -n "$PATH" && echo path';

    test('is the whole of the server without its own secrets, as long as nothing else is said', async () => {
      const { out } = await run(show, { sandbox: undefined as never, env: { GIVEN: 'given' } });
      expect(out).toBe(`C,setting,token,,given,p${count}\npath\n`);
    });

    test('is what the configuration allows, by name or pattern, and what the command is given', async () => {
      const { out } = await run(show, { sandbox: undefined as never, env: { GIVEN: 'given' } }, ['PATH', 'SOME_*', 'HEADGATE_*']);
      expect(out).toBe(`,setting,,,given,p${count}\npath\n`);
    });

    test('is a short list in a sandbox', async () => {
      expect((await run(show, { env: { GIVEN: 'given' } })).out).toBe(`C,,,,given,p${count}\npath\n`);
    });

    test('has names that look like secrets in a sandbox only when they are named exactly', async () => {
      expect((await run(show, {}, ['*'])).out).toBe(`C,setting,,,,p${count}\npath\n`);
      expect((await run(show, {}, ['*', 'GH_TOKEN'])).out).toBe(`C,setting,token,,,p${count}\npath\n`);
    });
  });
});
