import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { SshBackend, SshHosts } from '../../src/backends/ssh/ssh-backend.ts';
import { systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { type SshPlace, terminal } from '../../src/model/place.ts';
import type { ProducerSpec } from '../../src/model/records.ts';
import { serviceAvailable } from '../support/require.ts';
import { Sshd } from '../support/services/sshd.ts';
import { KILL } from './backend-kill.contract.ts';
import { copierState, eventually, StoringSink, sha256 } from './backend-probe.ts';

describe.skipIf(!serviceAvailable('sshd'))('{#backend_ssh} logging in', () => {
  let sshd: Sshd;
  let folder: string;
  let hosts: SshHosts;
  let backend: SshBackend;
  let count = 0;
  const saved = { ...process.env };

  beforeAll(async () => {
    sshd = await Sshd.start();
  });

  afterAll(async () => {
    await sshd.stop();
  });

  beforeEach(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'headgate-login-')));
    hosts = new SshHosts();
    backend = new SshBackend(
      { root: join(folder, 'state'), runner: () => 'test-runner', clock: systemClock, logger: silentLogger, detachedGraceMs: 300 },
      hosts,
    );
    delete process.env['SSH_AUTH_SOCK'];
  });

  afterEach(() => {
    for (const name of ['SSH_AUTH_SOCK', 'PATH', 'HOME']) {
      if (saved[name] === undefined) delete process.env[name];
      else process.env[name] = saved[name];
    }
    hosts.closeUnused();
    rmSync(folder, { recursive: true, force: true });
  });

  async function start(command: string, ssh: SshPlace, change: Partial<ProducerSpec> = {}) {
    const sink = new StoringSink();
    const spec = { command, cwd: folder, env: {}, stdin: false, ssh, ...change };
    const handle = await backend.start({ producerId: `l${++count}`, spec }, sink);
    return { handle, sink };
  }

  async function run(command: string, ssh: SshPlace, change: Partial<ProducerSpec> = {}): Promise<string> {
    const { handle, sink } = await start(command, ssh, change);
    await handle.closed;
    await handle.dispose();
    return sink.text(1) + sink.text(2);
  }

  /** A real agent with these keys, until `work` is done. */
  async function withAgent<T>(keys: readonly string[], env: NodeJS.ProcessEnv, work: () => Promise<T>): Promise<T> {
    const socket = join(folder, 'agent');
    const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
    const exit = once(agent, 'exit');
    try {
      await eventually(() => existsSync(socket), 'the agent is up');
      for (const key of keys)
        execFileSync('ssh-add', ['-q', key], { env: { ...process.env, ...env, SSH_AUTH_SOCK: socket }, stdio: 'pipe' });
      process.env['SSH_AUTH_SOCK'] = socket;
      return await work();
    } finally {
      agent.kill();
      await exit;
    }
  }

  function withoutIdentity(): SshPlace {
    const { identity: _identity, ...place } = sshd.place();
    return place;
  }

  function encryptedKey(): string {
    const key = join(folder, 'encrypted');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', 'a passphrase', '-f', key]);
    writeFileSync(join(sshd.folder, 'authorized_keys'), readFileSync(`${key}.pub`), { flag: 'a' });
    return key;
  }

  /** Says the passphrase to ssh-add. */
  function askpass(): NodeJS.ProcessEnv {
    const program = join(folder, 'askpass');
    writeFileSync(program, '#!/bin/sh\necho a passphrase\n', { mode: 0o700 });
    return { SSH_ASKPASS: program, SSH_ASKPASS_REQUIRE: 'force', DISPLAY: ':0' };
  }

  test('by a key that only the agent has', async () => {
    process.env['HOME'] = folder;
    await withAgent([sshd.key], {}, async () => {
      expect(await run('echo in', withoutIdentity())).toBe('in\n');
    });
  });

  test('by an encrypted key that the agent has opened', async () => {
    const key = encryptedKey();
    await withAgent([key], askpass(), async () => {
      expect(await run('echo in', sshd.place({ identity: key }))).toBe('in\n');
    });
  });

  test('by an encrypted key without an agent is refused by name, with what to do', async () => {
    const key = encryptedKey();
    const refused = run('true', sshd.place({ identity: key }));
    await expect(refused).rejects.toMatchObject({ kind: 'forbidden', facts: { outcome: 'key_encrypted', file: key } });
    await expect(refused).rejects.toThrow(/ssh-add .*SSH_AUTH_SOCK/);
  });

  test('as ~/.ssh/config says: name, port, user, key, known hosts, and a host to go through', async () => {
    const inner = await Sshd.start();
    try {
      inner.know(readFileSync(sshd.knownHosts, 'utf8').trim());
      writeFileSync(
        join(folder, 'config'),
        [
          'Host *',
          `  User ${userInfo().username}`,
          '  HostName 127.0.0.1',
          `  UserKnownHostsFile ${inner.knownHosts}`,
          'Host outside',
          `  Port ${sshd.port}`,
          `  IdentityFile ${sshd.key}`,
          'Host inside',
          `  Port ${inner.port}`,
          `  IdentityFile ${inner.key}`,
          '  ProxyJump outside',
          'Host tunnelled',
          '  ProxyCommand nc %h %p',
          '',
        ].join('\n'),
      );
      // ssh looks into the home of its user whatever HOME says.
      mkdirSync(join(folder, 'bin'));
      writeFileSync(join(folder, 'bin/ssh'), `#!/bin/sh\nPATH=\${PATH#*:}\nexec ssh -F '${join(folder, 'config')}' "$@"\n`, {
        mode: 0o700,
      });
      process.env['PATH'] = `${join(folder, 'bin')}:${process.env['PATH']}`;
      expect(await run('echo "$SSH_CONNECTION"', { host: 'inside' })).toMatch(new RegExp(` 127\\.0\\.0\\.1 ${inner.port}\n$`));
      expect(sshd.sessions().length).toBeGreaterThan(0);
      await expect(run('true', { host: 'tunnelled' })).rejects.toMatchObject({ kind: 'unsupported' });
    } finally {
      hosts.closeUnused();
      await inner.stop();
    }
  });

  test.skipIf(!serviceAvailable('script'))('{#terminals} a terminal there has its size, sees another, and Ctrl-C interrupts', async () => {
    const command = `stty size; trap 'stty size' WINCH; trap 'echo interrupted; exit 7' INT; echo up; while :; do sleep 0.05; done`;
    const { handle, sink } = await start(command, sshd.place(), { stdin: true, tty: terminal.parse({ cols: 97, rows: 31 }) });
    await sink.match(1, /^31 97\r\nup\r\n/);
    await handle.resize(120, 40);
    await sink.match(1, /40 120\r\n/);
    sshd.killSessions();
    await handle.write(Buffer.of(3));
    await sink.match(1, /interrupted/);
    expect((await handle.exited).exitCode).toBe(7);
    await handle.closed;
    await handle.dispose();
  });

  test('{#back_pressure} a command that writes on while nothing can be stored is held back, and every byte arrives once it can', async () => {
    let taking = false;
    const sink = new StoringSink();
    const moody = {
      write: (channel: number, offset: number, bytes: Buffer) =>
        taking ? sink.write(channel, offset, bytes) : Promise.reject(new Error('disk full')),
    };
    const size = 64 * 1024 * 1024;
    const command = `yes 0123456789 | head -c ${size} > all; i=0; while [ $i -lt 64 ]; do dd if=all bs=1M skip=$i count=1 2> dd; i=$((i+1)); sleep 0.03; done`;
    const spec = { command, cwd: folder, env: {}, stdin: false, ssh: sshd.place() };
    const handle = await backend.start({ producerId: 'brake', spec }, moody);
    const place = join(folder, 'state/test-runner/brake');
    await eventually(() => copierState(place) === 'T', 'the command is held back');
    taking = true;
    expect((await handle.exited).exitCode).toBe(0);
    await handle.closed;
    expect(sha256(sink.of(1))).toBe(sha256(Buffer.alloc(size, '0123456789\n')));
    await handle.dispose();
  });

  describe.each(['tcsh', 'fish'] as const)('to an account whose shell is %s', (shell) => {
    test.skipIf(!serviceAvailable(shell))('runs a command like any other, whatever is in it, and kills it', async () => {
      const odd = await Sshd.start([`ForceCommand exec ${shell} -c "$SSH_ORIGINAL_COMMAND"`]);
      try {
        const env = { ODD: 'it\'s !x \\ "$HOME"\n`y`' };
        expect(await run(`printf '%s\n' "$ODD" 'a!b' "it's \\\\ ok"; echo err >&2`, odd.place(), { env })).toBe(
          `${env.ODD}\na!b\nit's \\ ok\nerr\n`,
        );
        const { handle, sink } = await start('echo up; sleep 300', odd.place());
        await sink.match(1, /up/);
        expect(await handle.kill(KILL)).toMatchObject({ escaped: [] });
        await handle.closed;
        await handle.dispose();
      } finally {
        hosts.closeUnused();
        await odd.stop();
      }
    });
  });
});
