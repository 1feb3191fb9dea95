import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BuiltServer, endCommands, serve } from '../support/built-server.ts';
import { type RunningCli, startCli } from '../support/cli.ts';
import { commandsOf } from '../support/readme.ts';
import { serviceAvailable } from '../support/require.ts';
import { BUSYBOX, type DockerService, startDocker } from '../support/services/dockerd.ts';
import { Sshd } from '../support/services/sshd.ts';
import { tempFolder } from '../support/temp-store.ts';
import { Terminal } from '../support/tmux.ts';

const NEEDED = ['docker', 'sshd', 'tmux', 'bwrap', 'busybox'] as const;
const WAIT = 60_000;
const examples = commandsOf('In other places');

describe.skipIf(!NEEDED.every(serviceAvailable))('the README, in other places', () => {
  let data: string;
  let project: string;
  let remove: () => Promise<void>;
  let server: BuiltServer;
  let engine: DockerService;
  let sshd: Sshd;
  let env: NodeJS.ProcessEnv;

  beforeAll(async () => {
    ({ folder: data, remove } = await tempFolder());
    project = join(data, 'project');
    await mkdir(project);
    await writeFile(join(project, 'Makefile'), 'test:\n\t@echo here > made; echo tested\n');
    [engine, sshd] = await Promise.all([startDocker(), Sshd.start()]);
    // The names of the examples, and a tmux of our own in place of the user's.
    await engine.docker.getImage(BUSYBOX).tag({ repo: 'debian', tag: '12' });
    const made = {
      name: 'web',
      Image: BUSYBOX,
      Cmd: ['sh', '-c', 'echo served; exec sleep 2147483647'],
      HostConfig: { NetworkMode: 'none' },
    };
    await (await engine.docker.createContainer(made)).start();
    env = { TMUX_TMPDIR: data, DOCKER_HOST: engine.host };
    server = await serve(data, [], env);
  }, WAIT);

  afterAll(async () => {
    await endCommands(server, project);
    await server.stop();
    try {
      tmux('kill-server');
    } catch {
      // The last window has taken it along.
    }
    await Promise.all([engine.stop(), sshd.stop()]);
    await remove();
  }, WAIT);

  const tmux = (...words: string[]): string => execFileSync('tmux', words, { env: { ...process.env, ...env, TMUX: '' }, encoding: 'utf8' });

  /** The words of a line, with the hosts of this test in place of the example's, and `make` where the small image has none. */
  function wordsOf(line: string): string[] {
    const { host, port, user, identity = '', known_hosts: known = '' } = sshd.place();
    const there = `--host ${user}@${host}:${port} --identity ${identity} --known-hosts ${known}`;
    const both = line.includes('--host') && line.includes('--container') ? `${there} --docker ${engine.host}` : there;
    const place = line.replace('--host me@build.example', both);
    return (/--image|--host/.test(line) ? place.replace('make test', 'echo tested') : place).split(/\s+/).slice(1);
  }

  const start = (line: string): RunningCli => startCli(wordsOf(line), { cwd: project, data });

  async function typed(line: string) {
    const running = start(line);
    running.process.stdin.end();
    const { code, out, err } = await running.ended;
    return { code, out: out.replaceAll('\r\n', '\n'), err };
  }

  /** Follows until the text has come, then leaves as with Ctrl-C. */
  async function seen(line: string, text: string): Promise<void> {
    const running = start(line);
    await running.until(text);
    running.process.kill('SIGINT');
    await running.ended;
  }

  const shows: Record<string, (line: string) => Promise<void>> = {
    'headgate tty': async () => {
      const terminal = new Terminal({ cwd: project, env: { ...process.env, HEADGATE_DATA: data } });
      try {
        terminal.type(`node ${join(import.meta.dirname, '../../dist/src/main.js')} tty`);
        await terminal.see(/Leave it running/);
        terminal.type('echo $((6 * 7)) in here');
        await terminal.see(/42 in here/);
        terminal.keys('\u001dd');
        await terminal.see(/--attach/);
      } finally {
        terminal.close();
      }
    },
    'headgate sh --image': async (line) => expect(await typed(line)).toMatchObject({ code: 0, out: 'tested\n' }),
    'headgate sh --container web -- ps': async (line) =>
      expect(await typed(line)).toMatchObject({ code: 0, out: expect.stringContaining('sleep 2147483647') }),
    'headgate sh --container web --watch logs': (line) => seen(line, 'served\n'),
    'headgate sh --host me@build.example -- make test': async (line) =>
      expect(await typed(line)).toMatchObject({ code: 0, out: 'tested\n' }),
    'headgate sh --host me@build.example --container web': async (line) =>
      expect(await typed(line)).toMatchObject({ code: 0, out: expect.stringContaining('sleep 2147483647') }),
    'headgate sh --tmux work': async (line) => {
      // The session stays, as a person's does, for the example after this one.
      tmux('new-session', '-d', '-s', 'work', '-x', '80', '-y', '24', 'echo before; exec sh');
      expect(await typed(line)).toMatchObject({ code: 0, out: expect.stringContaining('tested') });
    },
    'headgate sh --pane': async (line) => {
      const running = start(line);
      await running.until('before');
      tmux('send-keys', '-t', 'work:0.0', 'echo $((40 + 2)) after', 'Enter');
      await running.until('42 after');
      tmux('kill-session', '-t', 'work');
      expect(await running.ended).toMatchObject({ code: 0 });
    },
    'headgate sh --sandbox': async (line) => expect(await typed(line)).toMatchObject({ code: 0, out: 'tested\n' }),
  };

  it('has an example for each command that is looked at here', () => {
    expect(examples.map((line) => Object.keys(shows).find((begin) => line.startsWith(begin)))).toEqual(Object.keys(shows));
  });

  it.each(examples)(
    '%s',
    async (line) => {
      await shows[Object.keys(shows).find((begin) => line.startsWith(begin)) ?? '']?.(line);
    },
    WAIT,
  );
});
