import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { endCommands, type Params } from '../support/built-server.ts';
import { startCli } from '../support/cli.ts';
import { liveServer } from '../support/live-server.ts';
import { serviceAvailable } from '../support/require.ts';
import { Terminal } from '../support/tmux.ts';
import { TtyClient } from '../support/tty-client.ts';

const live = liveServer();
let person: Terminal;

beforeEach(() => void (person = new Terminal({ cwd: live.root, env: process.env })));
afterEach(async () => {
  // Before the panes that are watched go.
  await endCommands(live.server, live.root);
  person.close();
});

const watching = (command: 'sh' | 'tty', ...more: string[]) =>
  startCli([command, '--pane', '%0', '--tmux-socket', person.socket, '--run', `${command}-${crypto.randomUUID()}`, ...more], {
    cwd: live.root,
    data: live.data,
  });
const UNSUPPORTED = { code: -32006 };
const place = () => ({ tmux: { pane: '%0', socket: person.socket } });

/** A word of the person's shell, which neither stands in what is typed nor comes twice. */
async function answers(word: number): Promise<void> {
  person.type(`echo word-$((${word} + 0))-end`);
  await person.see(new RegExp(`^word-${word}-end$`, 'm'));
}

describe.skipIf(!serviceAvailable('tmux'))('{#backend_tmux} a pane that is watched is somebody else’s', () => {
  it.each(['sh', 'tty'] as const)(
    '{#cli_sh} {#cli_tty} %s types nothing of its standard input into it, nor its end, and Ctrl-C leaves it alone',
    async (command) => {
      const running = watching(command);
      running.process.stdin.end('echo typed-by-nobody\n');
      await answers(17);
      await running.until('word-17-end');
      running.process.kill('SIGINT');
      expect((await running.ended).code).toBe(130);
      await answers(18);
      expect(person.screen()).not.toContain('typed-by-nobody');
    },
  );

  it('{#cli_sh} gets standard input, and not its end, with --input', async () => {
    const running = watching('sh', '--input');
    running.process.stdin.end('echo typed-$((20 + 1))\n');
    await person.see(/^typed-21$/m);
    await running.until('typed-21');
    await answers(22);
    running.process.kill('SIGINT');
    await running.ended;
    await answers(23);
  });

  it('{#cli_tty} gets standard input, and not its end, with --input', async () => {
    const running = watching('tty', '--input');
    running.process.stdin.end('echo typed-$((20 + 4))\n');
    await person.see(/^typed-24$/m);
    await answers(25);
    running.process.kill('SIGHUP');
    await running.ended;
    await answers(26);
  });

  it('{#client_commands} takes no input from any client unless the watch was asked for with stdin', async () => {
    const client = await live.client();
    const deaf = await live.accepted(client, '', {}, { command: undefined, ...place() });
    const [row] = await client.call<{ stdin: boolean }[]>('stream/list', { run: deaf.run });
    expect(row).toMatchObject({ stdin: false });
    for (const params of [{ chunk: 'x' }, { eof: true }, { chunk: 'x', eof: true }])
      await expect(client.call('stream/input', { ...deaf, ...params })).rejects.toMatchObject(UNSUPPORTED);
    await client.call('stream/cancel', { ...deaf });
    await vi.waitUntil(
      async () => (await client.call<{ receipt: { finishedAt: number | null } }>('stream/receipt', { ...deaf })).receipt.finishedAt,
    );
    await answers(31);

    const open = await live.accepted(client, '', {}, { command: undefined, stdin: true, ...place() });
    await client.call('stream/input', { ...open, chunk: 'echo typed-$((30 + 2))\n' });
    await person.see(/^typed-32$/m);
    await expect(client.call('stream/input', { ...open, chunk: 'exit\n', eof: true })).rejects.toMatchObject(UNSUPPORTED);
    await answers(33);
    await client.call('stream/cancel', { ...open });
  });

  it('{#tty_open} takes none from a session either, and of one with stdin leaves the end out', async () => {
    const client = await live.client();
    const session = async (more: Params) => {
      const { run } = await client.call<{ run: string }>('startRun', { model: 'scripted' });
      return await TtyClient.open(live.server, { run, ...place(), ...more });
    };
    const deaf = await session({});
    deaf.type('exit\n');
    deaf.control({ type: 'eof' });
    await vi.waitUntil(() => deaf.controls.some(({ type, of }) => type === 'error' && of === 'stdin'));
    await answers(41);
    deaf.socket.terminate();
    const [{ run, path }] = deaf.answers as [Params];
    await client.call('stream/cancel', { run, path });
    const open = await session({ stdin: true, acknowledge: true });
    open.type('echo typed-$((40 + 2))\n');
    open.control({ type: 'eof' });
    await person.see(/^typed-42$/m);
    await answers(43);
    open.socket.terminate();
  });
});
