import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { codexSettings } from '../support/acp-agents.ts';
import { MAIN } from '../support/built-server.ts';
import { cli, cliEnv } from '../support/cli.ts';
import { liveServer } from '../support/live-server.ts';
import { type Answer, type OpenAiServer, openAiServer } from '../support/openai-server.ts';
import { CODEX, serviceAvailable } from '../support/require.ts';

/** The model's next step, after what it was shown of the last one: a tool of Headgate's with its arguments. */
type Step = (shown: string) => readonly [tool: string, args: Record<string, unknown>];

interface Item {
  readonly type: string;
  readonly output?: unknown;
}

describe.skipIf(!serviceAvailable('codex'))('{#mcp_results} {#mcp_sh} {#mcp_get} an agent of another make (Codex)', () => {
  const live = liveServer();
  let model: OpenAiServer;
  let codex: ChildProcess | undefined;
  const home = () => join(dirname(live.root), 'codex');

  beforeAll(async () => {
    model = await openAiServer();
    await mkdir(home());
    const list = (...words: string[]) => JSON.stringify(words);
    const settings = [
      ...codexSettings(model.url, 'never'),
      '[mcp_servers.headgate]',
      `command = ${JSON.stringify(process.execPath)}`,
      `args = ${list(MAIN, 'mcp', '--data', live.data, '--project', live.root)}`,
      'default_tools_approval_mode = "approve"',
      'required = true',
    ];
    await writeFile(join(home(), 'config.toml'), `${settings.join('\n')}\n`);
    for (const rule of ['sh(printf *)', 'sh(seq *)', 'sh(cat)', 'input(seq *)']) {
      expect(await cli(['policy', 'add', 'allow', rule], { cwd: live.root, data: live.data })).toMatchObject({ code: 0 });
    }
  });
  afterEach(() => void codex?.kill());
  afterAll(() => model.close());

  /** Lets Codex take these steps, and returns what it showed the model after each. */
  async function shownAfter(...steps: Step[]): Promise<string[]> {
    const shown: string[] = [];
    const look = (body: unknown) => {
      const { input } = body as { input: readonly Item[] };
      const output = input.findLast(({ type }) => type === 'function_call_output')?.output;
      if (output !== undefined) shown.push(typeof output === 'string' ? output : JSON.stringify(output));
      return shown.at(-1) ?? '';
    };
    let failed: Error | undefined;
    const next = (step: Step, index: number, body: unknown): Answer => {
      try {
        const [name, args] = step(look(body));
        return { kind: 'say', calls: [{ id: `call_${index}`, namespace: 'mcp__headgate', name, args: JSON.stringify(args) }] };
      } catch (error) {
        failed = error as Error;
        return { kind: 'status', status: 400 };
      }
    };
    model.answer(...steps.map((step, index) => (body: unknown) => next(step, index, body)));
    model.answer((body) => {
      look(body);
      return { kind: 'say', text: 'finished' };
    });
    const child = spawn(process.execPath, [CODEX, 'exec', '--skip-git-repo-check', 'go on'], {
      cwd: live.root,
      // Whatever else Codex looks for in the network, it does not leave this machine.
      env: { ...cliEnv({}), CODEX_HOME: home(), HOME: home(), HTTPS_PROXY: 'http://127.0.0.1:9', NO_PROXY: '127.0.0.1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    codex = child;
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes: Buffer) => (said += bytes.toString()));
    const [code] = await once(child, 'close');
    if (failed !== undefined) throw failed;
    expect({ code, said }).toMatchObject({ code: 0, said: expect.stringContaining('finished') });
    return shown;
  }

  /** As it stands in the JSON that Codex shows. */
  const quoted = (text: string) => JSON.stringify(text).slice(1, -1);
  const found = (pattern: RegExp, shown: string) => {
    const [, value] = pattern.exec(shown) ?? [];
    if (value === undefined) throw new Error(`${pattern} is not in what the model was shown: ${shown}`);
    return value;
  };
  const pathIn = (shown: string) => found(/"path":"(log:[^"]+)"/, shown);

  it('shows its model what a command wrote', async () => {
    const [shown = ''] = await shownAfter(() => ['sh', { command: "printf 'one\\ntwo \\303\\251\\n'" }]);
    expect(shown).toContain(quoted('one\ntwo é'));
    expect(shown).toContain('"status":"done","exit_code":0');
    expect(shown).toContain('"bytes":11');
  }, 60_000);

  it('shows its model both channels and the exit code of a command that fails', async () => {
    const [shown = ''] = await shownAfter(() => ['sh', { command: "printf 'out\\n'; printf 'broken\\n' >&2; exit 7" }]);
    expect(shown).toContain('"is_error":false');
    expect(shown).toContain('"status":"failed","exit_code":7');
    expect(shown).toContain(quoted('(stdout):\nout\n'));
    expect(shown).toContain(quoted('(stderr):\nbroken'));
  }, 60_000);

  it('shows its model every line of a long output, which it waits for and reads on', async () => {
    const page = (line: number) => (shown: string) => {
      expect(shown).toContain(`go on with \\"line\\": ${line}]`);
      return ['get', { path: path(), line, limit: 1500 }] as const;
    };
    let started = '';
    const path = () => pathIn(started);
    const [running = '', waiting = '', , ended = '', ...pages] = await shownAfter(
      () => ['sh', { command: 'seq 2000; cat; seq 2001 4000', stdin: true, yield_ms: 0 }],
      (shown) => {
        started = shown;
        return ['wait', { path: path() }];
      },
      () => ['input', { path: path(), eof: true }],
      () => ['wait', { path: path() }],
      () => ['get', { path: path(), limit: 1500 }],
      page(1501),
      page(3001),
    );
    expect(running).toContain('"exit_code":null');
    expect(waiting).toContain('"status":"waiting_for_input","exit_code":null');
    expect(waiting).toContain(quoted('\n1999| 1999\n2000| 2000'));
    expect(ended).toContain('"status":"done","exit_code":0');
    expect(ended).toContain(quoted('\n4000| 4000'));
    expect(ended).toContain('left out: ');
    expect(pages).toHaveLength(3);
    const read = pages.map((shown) => found(/"text":"((?:[^"\\]|\\n)*)/, shown).replaceAll('\\n', '\n'));
    expect(read.join('\n').match(/^\d+$/gm)?.map(Number)).toEqual(Array.from({ length: 4000 }, (_, index) => index + 1));
    expect(pages.at(-1)).toContain('"complete":true');
  }, 90_000);

  it('shows its model why something was not done', async () => {
    const [unknown = '', wrong = ''] = await shownAfter(
      () => ['wait', { path: 'log://turn_0/sh/none', run: 'nobody' }],
      () => ['sh', { comand: 'ls' }],
    );
    expect(unknown).toContain('"is_error":true');
    expect(unknown).toContain('list says which runs and commands there are');
    expect(wrong).toContain('"is_error":true');
    expect(wrong).toContain('comand');
  }, 60_000);
});
