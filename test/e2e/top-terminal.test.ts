import { mkdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { shellQuote } from '../../src/core/shell-quote.ts';
import { type BuiltServer, endCommands, MAIN, serve } from '../support/built-server.ts';
import { cli, cliEnv } from '../support/cli.ts';
import { serviceAvailable } from '../support/require.ts';
import { tempFolder } from '../support/temp-store.ts';
import { Terminal } from '../support/tmux.ts';

describe.skipIf(!serviceAvailable('tmux'))('{#cli_top} headgate top', () => {
  const projects = ['one', 'two'] as const;
  let root: string;
  let data: string;
  let server: BuiltServer;
  let remove: () => Promise<void>;
  const terminals: Terminal[] = [];

  beforeAll(async () => {
    const temp = await tempFolder();
    remove = temp.remove;
    root = realpathSync(temp.folder);
    data = join(root, 'data');
    for (const project of projects) mkdirSync(join(root, project));
    server = await serve(data);
  });
  afterEach(() => {
    for (const terminal of terminals.splice(0)) terminal.close();
  });
  afterAll(async () => {
    for (const project of projects) await endCommands(server, join(root, project));
    await server.stop();
    await remove();
  });

  const hg = (project: (typeof projects)[number], ...args: string[]) => cli(args, { cwd: join(root, project), data });
  function open(): Terminal {
    const screen = new Terminal({ cwd: root, env: cliEnv({ data, env: { NO_COLOR: '1' } }), cols: 120, rows: 30 });
    terminals.push(screen);
    screen.type(`${[process.execPath, MAIN, 'top'].map(shellQuote).join(' ')}; echo "code=$?"`);
    return screen;
  }

  it('{#needs_you} shows what waits in every project, oldest first, and answers it by key', async () => {
    await hg('one', 'sh', '--run', 'first', '--propose', 'touch made; echo made; exec sleep 600');
    await hg('two', 'sh', '--run', 'second', '--propose', './second.sh');
    const printed = await hg('one', 'top');
    expect(printed.out).toMatch(/^2 for you {2}0 commands {2}.*2 projects/);
    expect(printed.out).toMatch(/to accept .* one first +touch made.*\n.*to accept .* two second +\.\/second\.sh/);
    const screen = open();
    await screen.see(/^> +to accept .* one first/m);
    screen.press('a');
    await screen.see(/accepted touch made/);
    await screen.see(/^> +to accept .* two second/m);
    await screen.see(/running +one first +touch made/);
    screen.press('r');
    await screen.see(/^reject; reason, if any:/m);
    screen.type('not today');
    await screen.see(/nothing waits for anybody/);
    expect((await hg('two', 'rpc', 'get', '{"run": "second", "path": "log://turn_0/sh/second-sh"}')).out).toContain('not today');
    // The one command is selected now: Enter shows its run, q comes back, c ends it.
    await screen.see(/^> .* running +one first/m);
    screen.press('Enter');
    await screen.see(/(?:^|│ )made$/m);
    screen.press('q');
    await screen.see(/headgate top {2}0 for you {2}1 command /);
    await screen.see(/^> .* running +one first/m);
    screen.press('c');
    await screen.see(/headgate top {2}0 for you {2}0 commands /);
    screen.press('q');
    await screen.see(/code=0/);
  });
});
