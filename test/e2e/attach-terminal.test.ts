import { mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { shellQuote } from '../../src/core/shell-quote.ts';
import { type BuiltServer, endCommands, MAIN, processesWith, serve, WireClient } from '../support/built-server.ts';
import { cliEnv } from '../support/cli.ts';
import { serviceAvailable } from '../support/require.ts';
import { tempFolder } from '../support/temp-store.ts';
import { Terminal } from '../support/tmux.ts';

describe.skipIf(!serviceAvailable('tmux'))('attach fills the screen', () => {
  let project: string;
  let data: string;
  let server: BuiltServer;
  let remove: () => Promise<void>;
  const terminals: Terminal[] = [];

  beforeAll(async () => {
    const temp = await tempFolder();
    remove = temp.remove;
    const root = realpathSync(temp.folder);
    data = join(root, 'data');
    // Clients of tests call their project so; the command line takes the name of the folder.
    project = join(root, 'test');
    mkdirSync(project);
    server = await serve(data);
  });
  afterEach(() => {
    for (const terminal of terminals.splice(0)) terminal.close();
  });
  afterAll(async () => {
    await endCommands(server, project);
    await server.stop();
    await remove();
  });

  const rpc = async <T>(method: string, params: Record<string, unknown>): Promise<T> => {
    const client = await WireClient.connect(server, project, 'test');
    try {
      return await client.call<T>(method, params);
    } finally {
      await client.close();
    }
  };

  function terminal(options: { cols?: number; rows?: number; env?: Record<string, string> } = {}): Terminal {
    const { env = { NO_COLOR: '1' }, ...size } = options;
    const made = new Terminal({ cwd: project, env: cliEnv({ data, env }), cols: 100, rows: 30, ...size });
    terminals.push(made);
    return made;
  }

  /** A terminal in which somebody is attached to a run. */
  function attached(run: string, options: Parameters<typeof terminal>[0] = {}): Terminal {
    const screen = terminal(options);
    screen.type(`${[process.execPath, MAIN, 'attach', run].map(shellQuote).join(' ')}; echo "code=$?"`);
    return screen;
  }

  /** A run whose model takes these steps, with its first prompt under way. */
  async function started(name: string, steps: readonly unknown[]): Promise<void> {
    writeFileSync(join(project, `${name}.json`), JSON.stringify({ steps }));
    await rpc('addModel', { alias: name, actual: `${name}.json`, provider: 'scripted' });
    await rpc('startRun', { model: name, alias: name });
    await rpc('act', { run: name, prompt: `do ${name}` });
  }
  const sh = (command: string, more: object = {}) => ({ calls: [{ tool: 'sh', input: { command, ...more } }] });
  /** Waits for `go(name)`. */
  const untilGo = (name: string) => `while [ ! -e go-${name} ]; do sleep 0.05; done`;
  const go = (name: string) => writeFileSync(join(project, `go-${name}`), '');

  it('{#cli_attach} {#attach_timeline} {#attach_output} shows a run, accepts by key, shows output live, and gives the screen back', async () => {
    const hostile = `printf 'be\\033[31m\\033]0;owned\\007fore\\n'; echo warned >&2`;
    await started('first', [
      { say: 'I will count.', ...sh(`${hostile}; echo counting; ${untilGo('first')}; echo counted; exit 3`) },
      { say: 'Well then.' },
    ]);
    const screen = terminal();
    screen.type('echo here be""fore');
    await screen.see(/^here before$/m);
    screen.type(`${[process.execPath, MAIN, 'attach', 'first'].map(shellQuote).join(' ')}; echo "code=$?"`);
    const waiting = await screen.see(/^> \? .*waits for you$[\s\S]* a accept/m);
    expect(waiting).toMatch(/^ first: do first {2}waiting \(202\) {2}first {2}1 to answer/m);
    expect(waiting).toMatch(/^ {2}» do first\nturn 1.*\n {2}I will count\.\n> \?/m);
    expect(waiting).toMatch(/a accept {2}r reject/);
    expect(waiting).not.toContain('here before');
    screen.press('a');
    const running = await screen.see(/^counting\n-- stderr --\nwarned$/m);
    expect(running).toMatch(/^> \$ .*running, /m);
    expect(running).toMatch(/^before$/m);
    go('first');
    await screen.see(/^ {2}Well then\.$|^> {1}Well then\.$/m);
    await screen.see(/^ {2}! .*exit 3, /m);
    screen.press('q');
    expect(await screen.see(/code=0/)).toContain('here before');
  });

  it('{#attach_keys} cancels by key and shows the receipt', async () => {
    await started('stopped', [sh('echo going; sleep 600'), { say: 'Stopped.' }]);
    const screen = attached('stopped');
    await screen.see(/^> \? .*waits for you$[\s\S]* a accept/m);
    screen.press('a');
    await screen.see(/^going$/m);
    screen.press('c');
    await screen.see(/^ {2}- echo going; sleep 600 .*(cancelled|aborted)/m);
    screen.press('k');
    const seen = await screen.see(/processes confirmed gone, none escaped/);
    expect(seen).toMatch(/cancel asked for by cli:\d+; SIGTERM to \d+/);
  });

  it('{#attach_keys} a proposal that is answered elsewhere is answered here, and a reason for a rejection reaches the model', async () => {
    await started('shared', [sh('./two.sh'), { say: 'Both done.' }]);
    const [one, two] = [attached('shared'), attached('shared')];
    for (const screen of [one, two]) await screen.see(/^> \? \.\/two\.sh .*waits for you$[\s\S]* r reject/m);
    one.press('r');
    await one.see(/reject; reason, if any:/);
    two.press('r');
    await two.see(/reject; reason, if any:/);
    two.type('it is the wrong branch');
    for (const screen of [one, two]) await screen.see(/^ {2}- \.\/two\.sh .*rejected$/m);
    expect(await one.see(/Both done\./)).not.toContain('reject; reason');
    const { body } = await rpc<{ body: string }>('get', { run: 'shared', path: 'log://turn_1/sh/two-sh' });
    expect(body).toContain('it is the wrong branch');
  });

  it('{#attach_keys} offers no key that changes something to a token that may only look', async () => {
    await started('watched', [sh('./look.sh')]);
    const { token } = await rpc<{ token: string }>('token/add', { name: 'watcher', scope: 'read' });
    const screen = attached('watched', { env: { NO_COLOR: '1', HEADGATE_URL: server.url, HEADGATE_TOKEN: token, HEADGATE_DATA: '' } });
    const seen = await screen.see(/^> \? \.\/look\.sh .*waits for you$/m);
    expect(seen).not.toMatch(/ a accept| r reject| p prompt/);
    screen.press('a');
    await screen.see(/your token may look and change nothing/);
    expect(await rpc<unknown[]>('getProposals', { run: 'watched' })).toHaveLength(1);
    screen.press('C-c');
    await screen.see(/code=130/);
    await rpc('run/abort', { run: 'watched' });
  });

  it('{#attach_keys} types a line into a command, a secret as stars, and any key into a terminal', async () => {
    await rpc('startRun', { model: 'scripted', alias: 'typed' });
    const accept = async (params: Record<string, unknown>) => {
      const { path } = await rpc<{ path: string }>('sh', { run: 'typed', ...params });
      await rpc('run/resolve', { run: 'typed', resolution: { path, action: 'accept' } }).catch(() => {});
    };
    await accept({ command: `read a; echo "got $a"; read b; echo "and \${#b} more"` });
    const screen = attached('typed');
    await screen.see(/running, /);
    screen.press('i');
    await screen.see(/^input for read a; echo .*…: $/m);
    screen.type('Ada Löve');
    await screen.see(/^got Ada Löve$/m);
    screen.press('Escape');
    await screen.see(/keys/);
    screen.press('I');
    await screen.see(/^secret input for read a; .*: $/m);
    screen.keys('hunter2');
    expect(await screen.see(/^secret input for .*: \*{7}$/m)).not.toContain('hunter2');
    screen.press('Enter');
    await screen.see(/^and 7 more$/m);

    await accept({ command: 'exec sh -i', backend: 'pty', tty: { cols: 60, rows: 10 }, env: { PS1: 'in> ' } });
    screen.press('G');
    await screen.see(/^in> *$/m);
    screen.press('i');
    await screen.see(/keys go to the command/);
    screen.type('echo q$((40 + 2))');
    await screen.see(/^q42$/m);
    screen.press('C-]');
    await screen.see(/c cancel {2}i input/);
    screen.press('C-c');
    await screen.see(/- exec sh -i .*(cancelled|aborted)/);
    screen.press('C-c');
    await screen.see(/code=130/);
  });

  it('{#attach_output} pages and searches in a long output without reading it whole, and follows again', async () => {
    const { path } = await rpc<{ path: string }>('sh', { run: 'typed', command: 'seq 1 300000 | sed s/^/row-/' });
    await rpc('run/resolve', { run: 'typed', resolution: { path, action: 'accept' } }).catch(() => {});
    const screen = attached('typed');
    await screen.see(/^row-300000$/m);
    screen.press('PageUp');
    await screen.see(/lines 2999\d\d-2999\d\d of 300000/);
    screen.keys('/');
    screen.type('row-1?2345$');
    // Nothing is behind the end, so the first one is next.
    await screen.see(/^ *2345 {2}row-2345$/m);
    screen.keys('n');
    await screen.see(/^ *12345 {2}row-12345$/m);
    screen.press('Enter');
    screen.keys('g');
    await screen.see(/lines 1-\d+ of 300000\b[\s\S]*^ *1 {2}row-1$/m);
    screen.keys('G');
    await screen.see(/^row-300000$/m);
    expect(screen.screen()).not.toMatch(/of 300000/);
  });

  it('{#attach_output} output has its colours, live and in pages, unless NO_COLOR is set', async () => {
    await rpc('startRun', { model: 'scripted', alias: 'coloured' });
    const command = `printf '\\033[32mgreen\\033[m and \\033[1;38;5;208morange\\033[m\\n'; seq 60`;
    const { path } = await rpc<{ path: string }>('sh', { run: 'coloured', command });
    await rpc('run/resolve', { run: 'coloured', resolution: { path, action: 'accept' } }).catch(() => {});
    const live = attached('coloured', { rows: 90, env: {} });
    await live.see(/^green and orange$/m);
    expect(live.coloured()).toMatch(/\u001b\[32m(?:\u001b\[49m)?green\u001b\[39m and \u001b\[1m\u001b\[38;5;208morange/);
    live.press('Enter');
    live.keys('g');
    await live.see(/lines 1-\d+ of 61[\s\S]*^ 1 {2}green and orange$/m);
    expect(live.coloured()).toMatch(/\u001b\[32m(?:\u001b\[49m)?green\u001b\[39m and \u001b\[1m\u001b\[38;5;208morange/);
    const plain = attached('coloured', { rows: 90 });
    await plain.see(/^green and orange$/m);
    expect(plain.coloured()).toMatch(/^green and orange$/m);
  });

  it('{#attach_timeline} a copy of a run shows its history, also line by line', async () => {
    await started('origin', [{ say: 'Look.', calls: [{ tool: 'env', input: { command: 'ls -d .' } }] }, { say: 'Looked.' }]);
    await attached('origin').see(/Looked\./);
    await rpc('run/fork', { run: 'origin', name: 'copy' });
    const shown = await attached('copy').see(/Looked\./);
    expect(shown).toMatch(/^ {2}» do origin\nturn 1.*\n {2}Look\.\n {2}\$ ls -d \. .*exit 0, /m);
    const screen = terminal();
    // What is typed before the shell asks for it would share a row with what comes.
    await screen.see(/^[$#] $/m);
    screen.type(`${[process.execPath, MAIN, 'attach', '--plain', 'copy'].map(shellQuote).join(' ')}`);
    expect(await screen.see(/attached to copy/)).toMatch(/^Look\.\n\$ ls -d \.\nexit 0 .*\n[\s\S]*^Looked\.$/m);
    screen.press('q');
  });

  it('{#cli_attach} goes on with a run that is renamed, also line by line', async () => {
    await rpc('startRun', { model: 'scripted', alias: 'before' });
    const full = attached('before');
    await full.see(/^ before {2}[\s\S]* q leave/m);
    const lines = terminal();
    lines.type([process.execPath, MAIN, 'attach', '--plain', 'before'].map(shellQuote).join(' '));
    await lines.see(/attached to before/);
    await rpc('run/rename', { run: 'before', name: 'after' });
    await full.see(/^ after {2}/m);
    full.keys('p');
    await full.see(/^prompt: /m);
    full.type('sh: echo renamed');
    await lines.see(/a accept /);
    lines.press('a');
    await full.see(/^ {2}\$ echo renamed .*exit 0|^> \$ echo renamed .*exit 0/m);
    await lines.see(/^after: done \(200\)$/m);
    lines.press('q');
  });

  it('{#attach_terminal} goes on over a kill -9 of the server with everything shown once', async () => {
    await started('crashed', [sh(`echo begun; ${untilGo('crashed')}; echo ended`), { say: 'Over.' }]);
    const screen = attached('crashed');
    await screen.see(/^> \? .*waits for you$[\s\S]* a accept/m);
    screen.press('a');
    await screen.see(/^begun$/m);
    await server.crash();
    await screen.see(/connection lost/);
    go('crashed');
    server = await serve(data);
    const seen = await screen.see(/Over\./);
    expect(seen).not.toMatch(/connection lost/);
    screen.press('k');
    const output = await screen.see(/^begun\nended$/m);
    expect(output.match(/^begun$/gm)).toHaveLength(1);
  });

  it('{#attach_terminal} follows the size down to 40 columns, stops and goes on, and gives the terminal back when it is ended', async () => {
    await started('sized', [sh('./wait-for-it.sh'), { say: 'Fine.' }]);
    const screen = attached('sized', { env: {} });
    await screen.see(/^> \? .*waits for you$/m);
    screen.resize(40, 12);
    const narrow = await screen.see(/^> \? \.\/wait-for-it\.sh +waits for you$/m);
    for (const line of narrow.split('\n')) expect(line.length).toBeLessThanOrEqual(40);
    screen.resize(130, 24);
    await screen.see(/^> \? .*waits for you *│/m);
    screen.press('C-z');
    await screen.see(/Stopped/);
    // Whoever is stopped is not told of a change of size.
    screen.resize(44, 14);
    await vi.waitUntil(
      () => {
        screen.type('stty size');
        return /^14 44$/m.test(screen.screen());
      },
      { timeout: 20_000, interval: 100 },
    );
    screen.type('fg');
    await screen.see(/^> \? \.\/wait-for-it\.sh +waits for you$/m);
    const clients = async () => (await processesWith('attach')).filter((line) => line.includes(' attach sized'));
    const [client = ''] = await clients();
    process.kill(Number.parseInt(client, 10), 'SIGTERM');
    await vi.waitUntil(async () => (await clients()).length === 0, { timeout: 20_000, interval: 50 });
    screen.type('stty -a | grep -o -w -e "-*icanon"; echo still $((40 + 2)) here');
    await screen.see(/^icanon$[\s\S]*^still 42 here$/m);
  });

  it('{#attach_terminal} does not come back when it is ended while Ctrl-Z has stopped it', async () => {
    await started('ended', [sh('./not-now.sh'), { say: 'Fine.' }]);
    const screen = attached('ended');
    await screen.see(/^> \? .*waits for you$/m);
    screen.press('C-z');
    await screen.see(/Stopped/);
    screen.type('kill %1; kill -CONT %1');
    const clients = async () => (await processesWith('attach')).filter((line) => line.includes(' attach ended'));
    await vi.waitUntil(async () => (await clients()).length === 0, { timeout: 20_000, interval: 50 });
    screen.type('echo still $((40 + 2)) here');
    await screen.see(/^still 42 here$/m);
  });
});
