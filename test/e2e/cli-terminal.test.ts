import { mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { shellQuote } from '../../src/cli/text.ts';
import { type BuiltServer, MAIN, processesWith, serve } from '../support/built-server.ts';
import { cli, cliEnv } from '../support/cli.ts';
import { type OpenAiServer, openAiServer } from '../support/openai-server.ts';
import { serviceAvailable } from '../support/require.ts';
import { tempFolder } from '../support/temp-store.ts';
import { Terminal } from '../support/tmux.ts';

const SCENARIO = `steps:
  - say: I will count.
    calls:
      - tool: sh
        input: { command: "echo counting; while [ ! -e go-$HEADGATE_GO ]; do sleep 0.05; done; echo counted" }
  - say: That was it.
`;

/** The same command twice. */
const AGAIN = `steps:
  - calls: [{ tool: sh, input: { command: "ls -d .." } }]
  - calls: [{ tool: sh, input: { command: "ls -d .." } }]
  - say: Twice it was.
`;

const ASKING = `steps:
  - calls:
      - tool: ask_user
        input: { question: "Which branch?", options: [main, next] }
  - say: 'It is {{match:/(the \\w+ one)/}}.'
`;

describe.skipIf(!serviceAvailable('tmux'))('in a terminal', () => {
  let project: string;
  let data: string;
  let server: BuiltServer;
  let remove: () => Promise<void>;
  let talker: OpenAiServer;
  const terminals: Terminal[] = [];

  beforeAll(async () => {
    const temp = await tempFolder();
    remove = temp.remove;
    const root = realpathSync(temp.folder);
    data = join(root, 'data');
    project = join(root, 'project');
    mkdirSync(project);
    talker = await openAiServer();
    server = await serve(data, [], { HEADGATE_OPENAI_BASE_URL: talker.url, HEADGATE_OPENAI_API_KEY: 'x' });
  });
  afterEach(() => {
    for (const terminal of terminals.splice(0)) terminal.close();
  });
  afterAll(async () => {
    await server.stop();
    await talker.close();
    await remove();
  });

  const headgate = (...args: string[]) => [process.execPath, MAIN, ...args].map(shellQuote).join(' ');
  const hg = (...args: string[]) => cli(args, { cwd: project, data });
  function terminal(): Terminal {
    const made = new Terminal({ cwd: project, env: cliEnv({ data, env: { NO_COLOR: '1' } }) });
    terminals.push(made);
    return made;
  }

  /** A model that proposes one command, which ends when `go(name)` is called. */
  async function model(name: string): Promise<void> {
    writeFileSync(join(project, `${name}.yaml`), SCENARIO.replace('$HEADGATE_GO', name));
    await hg('rpc', 'addModel', JSON.stringify({ alias: name, actual: `${name}.yaml`, provider: 'scripted' }));
  }
  const go = (name: string) => writeFileSync(join(project, `go-${name}`), '');

  it('{#cli_interrupt} Ctrl-C interrupts a command, and the shell sees 130', async () => {
    const screen = terminal();
    screen.type(`${headgate('sh', '--run', 'ctrl-c', 'echo started; sleep 600')}; echo code=$?`);
    await screen.see(/^started/m);
    screen.press('C-c');
    await screen.see(/code=130/);
    expect((await hg('ps', '--json', '--run', 'ctrl-c')).out).toBe('[]\n');
  });

  it('{#cli_sh} what is typed goes to the command, and Ctrl-D is its end', async () => {
    const screen = terminal();
    screen.type(`${headgate('sh', '--run', 'typed', '--', 'tr', 'a-z', 'A-Z')}; echo code=$?`);
    await vi.waitUntil(async () => (await hg('ps', '--run', 'typed')).out.includes('running'), { timeout: 20_000 });
    screen.type('first line');
    await screen.see(/^first line$/m);
    screen.type('second line');
    screen.press('C-d');
    expect(await screen.see(/code=0/)).toMatch(/^FIRST LINE\nSECOND LINE$/m);
  });

  it('{#cli_sh} in the background it reads nothing that is typed, and is not stopped', async () => {
    const screen = terminal();
    screen.type(`set -m; ${headgate('sh', '--run', 'behind', 'cat; while [ ! -e go-behind ]; do sleep 0.05; done; echo ended')} &`);
    await vi.waitUntil(async () => (await hg('ps', '--run', 'behind')).out.includes('running'), { timeout: 20_000 });
    screen.type('echo typed=to-the-shell');
    await screen.see(/^typed=to-the-shell$/m);
    go('behind');
    await screen.see(/^(?:[$#] )?ended$/m);
  });

  it('{#cli_tty} gives the terminal back whichever signal ends it, and leaves the command running', async () => {
    for (const signal of ['SIGQUIT', 'SIGUSR2', 'SIGTERM'] as const) {
      const screen = terminal();
      const run = `ended-by-${signal.toLowerCase()}`;
      screen.type(
        `${headgate('tty', '--run', run, '--', 'echo up and run""ning; exec sleep 600')} ; echo "code=$?"; stty -a | grep -o -w -e '-*icanon'`,
      );
      await screen.see(/^up and running/m);
      const [client = ''] = (await processesWith(run)).filter((line) => line.includes(' tty --run '));
      process.kill(Number.parseInt(client, 10), signal);
      await screen.see(/left it running/);
      await screen.see(/^icanon/m);
      expect(JSON.parse((await hg('ps', '--json', '--run', run)).out)).toHaveLength(1);
      expect((await hg('cancel', run, '--grace', '100ms')).code).toBe(0);
    }
  });

  it('{#cli_attach} attach accepts by key, shows output live, and leaves by key without touching the run', async () => {
    await model('keys');
    await hg('rpc', 'startRun', '{"model": "keys", "alias": "keys"}');
    await hg('rpc', 'act', '{"prompt": "count", "run": "keys"}');
    const screen = terminal();
    screen.type(`${headgate('attach', '--plain', 'keys')}; echo code=$?`);
    await screen.see(/a accept {3}r reject/);
    screen.press('a');
    await screen.see(/^ {2}\| counting/m);
    screen.press('q');
    await screen.see(/code=0/);
    expect(JSON.parse((await hg('ps', '--json', '--run', 'keys')).out)).toHaveLength(1);
    screen.type(`clear; ${headgate('attach', '--plain', 'keys')}`);
    await screen.see(/attached to keys/);
    await screen.see(/^ {2}\| counting/m);
    go('keys');
    await screen.see(/^ {2}\| counted/m);
    await screen.see(/That was it\./);
    screen.press('q');
  });

  it('{#cli_attach} two attached at once see the same, and one answer serves both', async () => {
    await model('twice');
    const [first, second] = [terminal(), terminal()];
    first.type(headgate('act', '--model', 'twice', '--run', 'twice', 'count'));
    await first.see(/a accept {3}r reject/);
    second.type(headgate('attach', '--plain', 'twice'));
    await second.see(/a accept {3}r reject/);
    second.press('a');
    await second.see(/^ {2}accepted by cli:\d+/m);
    await first.see(/^ {2}accepted by cli:\d+/m);
    for (const screen of [first, second]) await screen.see(/^ {2}\| counting/m);
    second.press('c');
    for (const screen of [first, second]) await screen.see(/cancelled at the terminal/);
    for (const screen of [first, second]) await screen.see(/twice: done \(200\)/);
    await first.see(/^[\d,]+ tokens in, \d+ out$/m);
    second.press('q');
  });

  it('{#cli_act} act shows what the model says while it says it, once, and attach too', async () => {
    await hg('rpc', 'addModel', '{"alias": "talker", "actual": "qwen3", "provider": "openai-compatible"}');
    talker.answer({ kind: 'say', text: 'I begin with the first of two things.', held: true });
    const [first, second] = [terminal(), terminal()];
    first.type(`${headgate('act', '--model', 'talker', '--run', 'talk', 'begin')}; echo code=$?`);
    await first.see(/^I begin with the first of two things\.$/m);
    second.type(headgate('attach', '--plain', 'talk'));
    await second.see(/attached to talk/);
    talker.release();
    const shown = await first.see(/code=0/);
    expect(shown.match(/I begin with/g)).toHaveLength(1);
    expect((await second.see(/talk: done/)).match(/I begin with/g)).toHaveLength(1);
  });

  it('{#cli_act} act shows what actions did that nobody is asked about, and updates', async () => {
    const steps = ['known', 'update'].map((tool) =>
      tool === 'known'
        ? '- calls: [{tool: known, input: {path: "known://gauge", body: "It doubles."}}]'
        : '- calls: [{tool: update, input: {text: "Half way there."}}]',
    );
    writeFileSync(join(project, 'quiet.yaml'), `${steps.join('\n')}\n- say: Finished.\n`);
    await hg('rpc', 'addModel', '{"alias": "quiet", "actual": "quiet.yaml", "provider": "scripted"}');
    const { out, err } = await hg('act', '--model', 'quiet', 'go');
    expect(out).toBe('Half way there.\nFinished.\n');
    expect(err).toMatch(/^ {2}learn known:\/\/gauge$/m);
  });

  it('{#end_words} act says how an action without a command ended in the words of every client', async () => {
    writeFileSync(join(project, 'lost.yaml'), '- calls: [{tool: get, input: {path: "file://nowhere.txt"}}]\n- say: Done.\n');
    await hg('rpc', 'addModel', '{"alias": "lost", "actual": "lost.yaml", "provider": "scripted"}');
    const { err } = await hg('act', '--model', 'lost', 'go');
    expect(err).toMatch(/^ {2}log:\/\/turn_1\/get\/\S+: not found$/m);
  });

  it('{#cli_act} {#verdict} act says what a rule has denied, and a rejection only once', async () => {
    const tries = ['./no.sh', './maybe.sh'].map((command) => `- calls: [{tool: sh, input: {command: "${command}"}}]`);
    writeFileSync(join(project, 'denied.yaml'), `${tries.join('\n')}\n- say: Done.\n`);
    await hg('rpc', 'addModel', '{"alias": "denied", "actual": "denied.yaml", "provider": "scripted"}');
    await hg('policy', 'add', 'deny', 'sh(./no.sh)');
    const screen = terminal();
    screen.type(`${headgate('act', '--model', 'denied', 'go')}; echo code=$?`);
    await screen.see(/no-sh: denied\n {4}A rule of this server does not allow this \(deny sh\(\.\/no\.sh\)/);
    await screen.see(/a accept {3}r reject/);
    screen.press('r');
    const shown = await screen.see(/code=0/);
    expect(shown).toMatch(/^ {2}rejected by cli:\d+/m);
    expect(shown.match(/: denied$/gm)).toHaveLength(1);
    expect(shown.match(/rejected/g)).toHaveLength(1);
  });

  it('{#waiting_for_input} the hint of a command that waits for input is the command that types into it', async () => {
    writeFileSync(
      join(project, 'name.yaml'),
      '- calls: [{tool: sh, input: {command: "printf \'Name? \'; read n; echo hello $n", stdin: true}}]\n- say: Done.\n',
    );
    await hg('rpc', 'addModel', '{"alias": "name", "actual": "name.yaml", "provider": "scripted"}');
    const [first, second] = [terminal(), terminal()];
    first.type(`${headgate('act', '--yes', '--model', 'name', '--run', 'name', 'go')}; echo code=$?`);
    const [, hint = ''] =
      /to type: headgate (tty --attach name log:\S+)/.exec(await first.see(/to type: headgate tty --attach name log:\S+/)) ?? [];
    second.type(headgate(...hint.split(' ')));
    await second.see(/Name\? /);
    const left = await first.see(/code=0/);
    expect(left).toMatch(/^still runs: printf 'Name\? '; read n; echo hello \$n$/m);
    expect(left).toContain('headgate attach name');
    second.type('Ada');
    await second.see(/hello Ada/);
  });

  it('{#cli_attach} a rejection by key reaches the model', async () => {
    await model('no');
    const screen = terminal();
    screen.type(`${headgate('act', '--model', 'no', '--run', 'no', 'count')}; echo code=$?`);
    await screen.see(/a accept {3}r reject/);
    screen.press('r');
    await screen.see(/^ {2}rejected by cli:\d+/m);
    await screen.see(/code=\d/);
  });

  it('{#cli_attach} {#policy_remember} an answer by key is remembered: the rule is shown before, and the next time nobody is asked', async () => {
    writeFileSync(join(project, 'again.yaml'), AGAIN);
    await hg('rpc', 'addModel', '{"alias": "again", "actual": "again.yaml", "provider": "scripted"}');
    const screen = terminal();
    screen.type(`${headgate('act', '--model', 'again', '--run', 'again', 'go')}; echo code=$?`);
    await screen.see(/m, for all that follows: allow sh\(ls \*\) in \./);
    await screen.see(/f, for all that follows: deny sh\(ls -d \.\.\)/);
    await screen.see(/a accept {3}r reject {3}m accept and remember {3}f reject and remember {3}q leave/);
    screen.press('m');
    await screen.see(/remembered: allow sh\(ls \*\) in \./);
    await screen.see(/Twice it was\./);
    await screen.see(/code=0/);
    expect((await hg('policy', 'list')).out).toMatch(/^ *\d+ {2}allow .* sh\(ls \*\) in \.$/m);

    const { rules } = JSON.parse((await hg('policy', 'list', '--json')).out) as { rules: { id: number; rule: string }[] };
    await hg('policy', 'remove', String(rules.find(({ rule }) => rule === 'sh(ls *) in .')!.id));
    const other = terminal();
    other.type(headgate('act', '--model', 'again', '--run', 'refused', 'go'));
    await other.see(/f reject and remember/);
    other.press('f');
    await other.see(/remembered: deny sh\(ls -d \.\.\)/);
    await other.see(/Twice it was\./);
    expect((await hg('policy', 'list')).out).toMatch(/^ *\d+ {2}deny .* sh\(ls -d \.\.\)$/m);
  });

  it('{#cli_attach} a question of the model is answered with a line of text', async () => {
    writeFileSync(join(project, 'asking.yaml'), ASKING);
    await hg('rpc', 'addModel', '{"alias": "asking", "actual": "asking.yaml", "provider": "scripted"}');
    const screen = terminal();
    screen.type(`${headgate('act', '--model', 'asking', '--run', 'asking', 'go')}; echo code=$?`);
    await screen.see(/ask_user asks: Which branch\?\n {4}- main\n {4}- next/);
    await screen.see(/a answer {3}r reject/);
    screen.press('a');
    await screen.see(/answer: $/m);
    screen.type('the next one');
    await screen.see(/It is the next one\./);
    await screen.see(/code=0/);
  });

  it('{#cli_interrupt} Ctrl-C aborts the loop of act; the terminal works as before afterwards', async () => {
    await model('stop');
    const screen = terminal();
    screen.type(`${headgate('act', '--model', 'stop', '--run', 'stop', 'count')}; echo code=$?`);
    await screen.see(/a accept {3}r reject/);
    screen.press('C-c');
    await screen.see(/code=130/);
    screen.type('echo still $((40 + 2)) here');
    await screen.see(/^still 42 here/m);
    expect(JSON.parse((await hg('rpc', 'getRun', '{"run": "stop"}')).out)).toMatchObject({ status: 499 });
  });

  it('{#cli_act} Ctrl-C in act ends its command, which is not said to run on', async () => {
    writeFileSync(
      join(project, 'stubborn.yaml'),
      `steps:\n  - calls: [{ tool: sh, input: { command: "trap '' TERM; echo stubborn is up; sleep 600" } }]\n`,
    );
    await hg('rpc', 'addModel', JSON.stringify({ alias: 'stubborn', actual: 'stubborn.yaml', provider: 'scripted' }));
    const screen = terminal();
    screen.type(`${headgate('act', '--yes', '--model', 'stubborn', '--run', 'stubborn', 'go')}; echo code=$?`);
    await screen.see(/stubborn is up$/m);
    screen.press('C-c');
    expect(await screen.see(/code=130/)).not.toContain('still runs');
    await vi.waitUntil(async () => (await hg('ps', '--json', '--run', 'stubborn')).out === '[]\n', { timeout: 20_000, interval: 100 });
  });

  it('{#cli_attach} Ctrl-C leaves attach and touches nothing', async () => {
    await hg('rpc', 'startRun', '{"model": "scripted", "alias": "quiet"}');
    const screen = terminal();
    screen.type(`${headgate('attach', '--plain', 'quiet')}; echo code=$?`);
    await screen.see(/attached to quiet/);
    screen.press('C-c');
    await screen.see(/code=130/);
    expect(JSON.parse((await hg('rpc', 'getRun', '{"run": "quiet"}')).out)).toMatchObject({ status: 100 });
  });
});
