import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { shellQuote } from '../../src/core/shell-quote.ts';
import { MAIN, processesWith } from '../support/built-server.ts';
import { cli, cliEnv } from '../support/cli.ts';
import { liveServer } from '../support/live-server.ts';
import { serviceAvailable } from '../support/require.ts';
import { Terminal } from '../support/tmux.ts';

const PLAIN = fileURLToPath(new URL('fixtures/plain-tty.mjs', import.meta.url));

const live = liveServer();
const hg = (...args: string[]) => cli(args, { cwd: live.root, data: live.data });
/** Ends every command of the CLI's project, which is named after its folder. */
afterEach(async () => {
  const listed = JSON.parse((await hg('ps', '--json')).out) as { run: string; path: string }[];
  for (const { run, path } of listed) await hg('cancel', run, path, '--grace', '100ms');
});

describe('{#tty_open} a terminal', () => {
  it('opened by a client that knows only the protocol has a size, is resized, interrupted with Ctrl-C, and tells its exit code last', async () => {
    const first = {
      operation: 'tty/open',
      carriage: 'raw',
      projectRoot: live.root,
      tty: { term: 'xterm', cols: 80, rows: 24 },
      cmd: 'exec sh -i',
    };
    const child = spawn(process.execPath, [PLAIN, live.server.http, live.server.token, JSON.stringify(first)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let out = '';
    child.stdout.on('data', (bytes: Buffer) => {
      out += bytes.toString();
    });
    const [code] = (await once(child, 'close')) as [number];
    expect(JSON.parse(out)).toMatchObject({
      run: 'tty',
      tty: { term: 'xterm', cols: 80, rows: 24 },
      last: { type: 'exit', code: 3 },
      stderr: false,
    });
    expect(code).toBe(0);
  });
});

describe.skipIf(!serviceAvailable('tmux'))('{#cli_tty} headgate tty in a terminal', () => {
  const terminals: Terminal[] = [];
  afterEach(() => {
    for (const terminal of terminals.splice(0)) terminal.close();
  });

  const headgate = (...args: string[]) => [process.execPath, MAIN, 'tty', ...args].map(shellQuote).join(' ');
  function terminal(): Terminal {
    const made = new Terminal({ cwd: live.root, env: cliEnv({ data: live.data, env: { NO_COLOR: '1' } }), cols: 100, rows: 30 });
    terminals.push(made);
    return made;
  }
  const shell = (screen: Terminal, run: string) => {
    screen.type(`${headgate('--run', run, '--env', 'PS1=in> ', '--', 'exec sh -i')}; echo code=$?`);
    return screen.see(/^in> /m);
  };

  it('gives a shell of our size and type, which follows when we are resized, and the exit code', async () => {
    const screen = terminal();
    const first = await shell(screen, 'sized');
    expect(first).toMatch(/headgate: sized log:\/\/turn_0\/sh\/\S+ Leave it running with Ctrl-\] d\./);
    screen.type('stty size; echo $TERM');
    await screen.see(/^30 100$[\s\S]*^(screen|tmux)\S*$/m);
    screen.resize(120, 40);
    screen.type('until [ "$(stty size)" = "40 120" ]; do sleep 0.05; done; echo re""sized');
    await screen.see(/^resized$/m);
    screen.type('exit 3');
    await screen.see(/^code=3$/m);
  });

  it('gives Ctrl-C and Ctrl-Z to the command', async () => {
    const screen = terminal();
    await shell(screen, 'keys');
    screen.type('echo sleep""ing; sleep 600');
    await screen.see(/^sleeping$/m);
    screen.press('C-c');
    screen.type('echo al""ive; sleep 600');
    await screen.see(/^alive$/m);
    screen.press('C-z');
    screen.type('jobs; kill -9 %1; wait; echo st""opped');
    await screen.see(/Stopped[\s\S]*^stopped$/m);
    // A shell that is left with stopped jobs asks again; one that becomes another program does not.
    screen.type('exec sh -c "exit 6"');
    await screen.see(/^code=6$/m);
  });

  it('draws vi, which writes what is typed', async () => {
    writeFileSync(join(live.root, 'notes.txt'), 'first line\n');
    const screen = terminal();
    screen.type(`${headgate('--', 'vi notes.txt')}; echo code=$?`);
    await screen.see(/^first line *\n~ *\n~/m);
    screen.keys('Gosecond line');
    await screen.see(/^first line *\nsecond line *\n~/m);
    screen.press('Escape');
    screen.type(':wq');
    await screen.see(/^code=0$/m);
    expect(readFileSync(join(live.root, 'notes.txt'), 'utf8')).toBe('first line\nsecond line\n');
  });

  it('leaves a command running with the detach keys, gives our terminal back, and draws its screen when it comes back', async () => {
    writeFileSync(join(live.root, 'long.txt'), Array.from({ length: 200 }, (_, i) => `row ${i + 1}`).join('\n'));
    const screen = terminal();
    const before = await settings(screen, 'before');
    screen.type(`${headgate('--run', 'kept', '--', 'vi +100 long.txt')}; echo code=$?`);
    await screen.see(/^row 100$/m);
    screen.press('C-]');
    screen.press('d');
    await screen.see(/left it running; attach again: headgate tty --attach kept log:\/\/turn_0\/sh\/\S+\n(.*\n)*code=0$/m);
    expect(await settings(screen, 'after')).toBe(before);
    const path = /--attach kept (\S+)/.exec(screen.screen())?.[1] ?? '';
    screen.type('clear');
    screen.type(`${headgate('--attach', 'kept', path)}; echo code=$?`);
    await screen.see(/^row 100$/m);
    await screen.see(/^row 101$/m);
    screen.keys(':q!');
    screen.press('Enter');
    await screen.see(/^code=0$/m);
  });

  it('draws the rows of a shell where its cursor goes, whatever our terminal shows, when it comes back', async () => {
    const screen = terminal();
    await shell(screen, 'rows');
    screen.type('echo one');
    await screen.see(/^one\nin> /m);
    screen.type('echo two');
    await screen.see(/^two\nin> /m);
    screen.press('C-]');
    screen.press('d');
    await screen.see(/^code=0$/m);
    const path = /--attach rows (\S+)/.exec(screen.screen())?.[1] ?? '';
    screen.type(headgate('--attach', 'rows', path));
    await screen.see(/(Leave it running[\s\S]*){2}^in> ?\n*$/m);
    screen.type('echo three');
    await screen.see(/^in> echo one\none\nin> echo two\ntwo\nin> echo three\nthree\nin>/m);
    screen.type('exit');
  });

  it('gives our terminal back when it is ended by a signal', async () => {
    const screen = terminal();
    const before = await settings(screen, 'before');
    screen.type(`${headgate('--run', 'ended', '--', 'echo pid; exec sh -i')}; echo code=$?`);
    await screen.see(/^pid$/m);
    const clients = (await processesWith('ended')).filter((line) => line.includes(' tty --run ended '));
    for (const line of clients) process.kill(Number(line.split(' ')[0]), 'SIGTERM');
    await screen.see(/left it running[\s\S]*^code=143$/m);
    expect(await settings(screen, 'after')).toBe(before);
  });

  it('goes on over a kill -9 of the server, with what was on the screen', async () => {
    const screen = terminal();
    await shell(screen, 'crashed');
    screen.type('echo be""fore');
    await screen.see(/^before$/m);
    await live.server.crash();
    await screen.see(/Waiting for it \.\.\./);
    await live.start();
    await screen.see(/connected again/);
    screen.type('echo af""ter; exit 4');
    const seen = await screen.see(/^after$[\s\S]*^code=4$/m);
    expect(seen.match(/^before$/gm)).toHaveLength(1);
  });

  it('draws the same for two who have come to one command', async () => {
    const [one, two] = [terminal(), terminal()];
    await shell(one, 'both');
    one.type('echo sh""own');
    await one.see(/^shown$/m);
    const [{ path } = { path: '' }] = JSON.parse((await hg('ps', '--json', '--run', 'both')).out) as { path: string }[];
    two.type(headgate('--attach', 'both', path));
    await two.see(/^shown$/m);
    two.type('echo to""gether');
    for (const screen of [one, two]) await screen.see(/^together$/m);
  });

  /** How our terminal is set, as stty says it. */
  async function settings(screen: Terminal, name: string): Promise<string> {
    const file = join(live.root, `stty-${name}`);
    screen.type(`stty -g > ${shellQuote(file)}; echo se""t ${name}`);
    await screen.see(new RegExp(`set ${name}$`, 'm'));
    return readFileSync(file, 'utf8');
  }
});
