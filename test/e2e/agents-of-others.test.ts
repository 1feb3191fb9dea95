import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { stringify } from 'yaml';
import { modelScript, REAL_AGENTS, settingsOf } from '../support/acp-agents.ts';
import { type Params, processesWith, serve, type WireClient } from '../support/built-server.ts';
import { LiveServer } from '../support/live-server.ts';
import { type OpenAiServer, openAiServer } from '../support/openai-server.ts';
import { serviceAvailable } from '../support/require.ts';

/** Such an agent takes seconds to start, and many on a machine that is busy. */
const LONG_MS = 90_000;
const SLOW = { timeout: 60_000, interval: 50 };
/** Requests that a file makes at most. */
const REQUESTS = 200;

describe.each(REAL_AGENTS)('$name', (agent) => {
  describe.skipIf(!serviceAvailable(agent.name))('{#run_drivers} {#agent_driver} drives a run', () => {
    const live = new LiveServer();
    let model: OpenAiServer;
    let client: WireClient;
    let config = '';
    let run = '';

    beforeAll(async () => {
      model = await openAiServer();
      model.answer(...Array.from({ length: REQUESTS }, () => modelScript(agent)));
      await live.open();
      await live.server.stop();
      const real = await settingsOf(agent, join(dirname(live.root), 'home'), model.url);
      config = join(dirname(live.root), 'config.yaml');
      await writeFile(config, stringify({ agents: { real } }));
      await start();
      ({ run } = await client.call<{ run: string }>('startRun', { agent: 'real' }));
      await act('remember the word cinnamon');
      expect(await ended(1)).toMatchObject({ status: 200, result: expect.stringContaining('cinnamon') });
    }, LONG_MS);
    afterAll(async () => {
      await live.close();
      await model.close();
    });

    async function start(): Promise<void> {
      live.server = await serve(live.data, ['--config', config]);
      client = await live.client('first');
    }
    const crashAndStart = async () => {
      await live.server.crash();
      await start();
    };
    const act = (prompt: string) => client.call('act', { run, prompt });
    const info = () =>
      client.call<{ proposals: string[]; loops: { status: number; outcome: string | null; result: string | null }[] }>('getRun', { run });
    const ended = async (loop: number) => {
      await vi.waitUntil(async () => ((await info()).loops[loop - 1]?.status ?? 0) >= 200, SLOW);
      return (await info()).loops[loop - 1];
    };
    const proposal = async () => {
      await vi.waitUntil(async () => (await info()).proposals.length > 0, SLOW);
      return (await info()).proposals[0] ?? '';
    };
    const pathLike = async (pattern: string) => (await client.call<{ path: string }[]>('getEntries', { run, pattern })).at(-1)?.path ?? '';
    const read = async (path: string) => (await client.call<{ chunk: string }>('stream/read', { run, path, channel: 1 })).chunk;
    const agentPath = () => pathLike('log://turn_*/agent/real*');
    /** The output of the last command, as it is stored; empty before it has begun. */
    const output = async () => await read(await pathLike('log://turn_*/sh/*')).catch(() => '');
    const accept = (by: WireClient, path: string) => by.call('run/resolve', { run, resolution: { path, action: 'accept' } });

    /** What the agent has sent of the output of its last command, by the lines that it wrote itself. */
    async function sent(): Promise<string> {
      let [call, pieces, text] = ['', '', ''];
      for (const line of (await read(await agentPath())).split('\n').filter((each) => each !== '')) {
        const { update } = (JSON.parse(line) as { params?: { update?: Params } }).params ?? {};
        if (update?.['sessionUpdate'] !== 'tool_call' && update?.['sessionUpdate'] !== 'tool_call_update') continue;
        if (update['toolCallId'] !== call) [call, pieces, text] = [String(update['toolCallId']), '', ''];
        pieces += (update['_meta'] as { terminal_output?: { data: string } } | undefined)?.terminal_output?.data ?? '';
        const content = (update['content'] ?? []) as { content?: { text?: string } }[];
        const shown = content.flatMap((each) => each.content?.text ?? []).join('\n');
        if (shown !== '') text = shown;
      }
      return pieces === '' ? text : pieces;
    }

    it(
      '{#agent_permission} {#agent_actions} asks a second client, and its output is what it sent',
      async () => {
        await act('run echo one > made; echo one; sleep 0.3; echo two; echo three');
        const path = await proposal();
        expect(await live.text('made')).toBe('');
        await accept(await live.client('second'), path);
        expect(await ended(2)).toMatchObject({ status: 200, result: expect.stringContaining('finished') });
        expect(await live.text('made')).toBe('one\n');
        const stored = await output();
        expect(stored).toBe(await sent());
        expect(stored).toContain('two\nthree\n');
      },
      LONG_MS,
    );

    it(
      '{#agent_lines} goes on over kill -9 of the server, in a request for permission and in a command',
      async () => {
        const before = model.requests.length;
        await act('run i=0; while [ $i -lt 150 ]; do echo line $i; i=$((i+1)); sleep 0.02; done; touch done');
        const path = await proposal();
        await crashAndStart();
        expect((await info()).proposals).toEqual([path]);
        await accept(client, path);
        await vi.waitUntil(async () => (await output()).includes('line 20\n'), SLOW);
        await crashAndStart();
        expect(await ended(3)).toMatchObject({ status: 200, result: expect.stringContaining('finished') });
        expect(existsSync(join(live.root, 'done'))).toBe(true);
        const stored = await output();
        expect(stored).toBe(await sent());
        expect(stored.match(/line 149\n/g)).toHaveLength(1);
        expect(model.requests.slice(before).filter(({ body }) => body.tools?.length)).toHaveLength(2);
      },
      LONG_MS,
    );

    it(
      '{#agent_driver} takes its session up after the agent was killed',
      async () => {
        await client.call('stream/signal', { run, path: await agentPath(), signal: 'KILL' });
        await vi.waitUntil(async () => (await client.call<unknown[]>('stream/list', { run, state: 'live' })).length === 0, SLOW);
        await act('and what was it');
        expect(await ended(4)).toMatchObject({ status: 200, result: expect.stringContaining('and what was it') });
        const { body } = model.requests.findLast((each) => each.body.tools?.length) ?? {};
        expect(JSON.stringify(body)).toContain('remember the word cinnamon');
      },
      LONG_MS,
    );

    it(
      '{#agent_cancel} is cancelled with nobody left, and nothing of it runs on',
      async () => {
        await act('run touch begun; setsid sleep 611 & sleep 611');
        await accept(client, await proposal());
        await live.written('begun');
        const path = await agentPath();
        await client.call('run/abort', { run });
        await live.closeClients();
        await vi.waitUntil(async () => !(await processesWith(live.data)).some((line) => line.includes('sleep 611')), SLOW);
        client = await live.client('later');
        expect(await ended(5)).toMatchObject({ status: 499 });
        const receipt = () => client.call<{ state: string; receipt: { escaped: number[] } | null }>('stream/receipt', { run, path });
        await vi.waitUntil(async () => (await receipt()).state === 'cancelled', SLOW);
        expect((await receipt()).receipt?.escaped).toEqual([]);
      },
      LONG_MS,
    );
  });
});
