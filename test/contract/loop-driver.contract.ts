import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type OwnRuntime, openRuntime } from '../../src/sdk.ts';
import { tempFolder } from '../support/temp-store.ts';

/** What drives the runs of a suite. */
export interface DriverUnderTest {
  /** How a run with it begins. */
  readonly begin: { readonly model: string } | { readonly agent: string };
  /** Configuration file that knows it. */
  readonly config?: string;
  /** A prompt that makes it ask for this command, and one that only talks. */
  readonly run: (command: string) => string;
  readonly say: (words: string) => string;
  close?(): Promise<void>;
}

const SLOW = { timeout: 25_000, interval: 20 };

/** What every driver of a run keeps (SPEC {#run_drivers}). */
export function loopDriverContract(name: string, open: (folder: string) => Promise<DriverUnderTest>): void {
  describe(`{#run_drivers} the driver of a run: ${name}`, () => {
    let remove: () => Promise<void>;
    let root = '';
    let data = '';
    let driver: DriverUnderTest;
    let runtime: OwnRuntime;

    const start = async () => {
      const config = driver.config === undefined ? {} : { config: driver.config };
      runtime = await openRuntime({ data, project: root, client: { name: 'first' }, logLevel: 'silent', ...config });
    };
    beforeAll(async () => {
      const temp = await tempFolder();
      remove = temp.remove;
      [data, root] = [join(temp.folder, 'data'), join(temp.folder, 'project')];
      await mkdir(root);
      driver = await open(temp.folder);
      await start();
    });
    afterEach(async () => {
      for (const { run, path } of await runtime.call('stream/list', { state: 'live' }))
        await runtime.call('stream/cancel', { run, path, grace_ms: 50 });
      await vi.waitUntil(async () => (await runtime.call('stream/list', { state: 'live' })).length === 0, SLOW);
    });
    afterAll(async () => {
      await runtime.close();
      await driver.close?.();
      await remove();
    });

    const statusOf = async (run: string, path: string) => (await runtime.call('getEntries', { run, pattern: path }))[0]?.status;
    const begin = async () => (await runtime.call('startRun', driver.begin)).run;
    const act = (run: string, prompt: string) => runtime.call('act', { run, prompt });
    const info = (run: string) => runtime.call('getRun', { run });
    const loop = async (run: string, number: number) => {
      await vi.waitUntil(
        async () => ((await info(run)).loops[number - 1]?.status ?? 0) >= 200 && (await info(run)).loops[number - 1]?.status !== 202,
        SLOW,
      );
      return (await info(run)).loops[number - 1];
    };
    const proposal = async (run: string) => {
      await vi.waitUntil(async () => (await info(run)).proposals.length > 0, SLOW);
      return (await info(run)).proposals[0] ?? '';
    };

    it('takes a prompt to its end, with a result, and tells of it', async () => {
      const run = await begin();
      const events = runtime.events();
      await act(run, driver.say('cinnamon'));
      expect(await loop(run, 1)).toMatchObject({ status: 200, outcome: null, result: expect.stringContaining('cinnamon') });
      expect(await info(run)).toMatchObject({ status: 200, turn: 1 });
      const states: unknown[] = [];
      for await (const { name: event, params } of events) {
        if (event === 'run/state' && params.run === run) states.push(params.status);
        if (states.at(-1) === 200) break;
      }
      expect(states).toEqual(expect.arrayContaining([102, 200]));
    });

    it('{#resolve_once} asks with a proposal that is answered once, and does what was accepted', async () => {
      const run = await begin();
      await act(run, driver.run('echo made > accepted; echo out'));
      const path = await proposal(run);
      expect(await info(run)).toMatchObject({ status: 202 });
      expect(existsSync(join(root, 'accepted'))).toBe(false);
      const second = await runtime.join({ project: root, client: { name: 'second' } });
      await second.call('run/resolve', { run, resolution: { path, action: 'accept' } });
      await expect(runtime.call('run/resolve', { run, resolution: { path, action: 'reject' } })).rejects.toMatchObject({
        kind: 'proposal_resolved',
      });
      await second.close();
      expect(await loop(run, 1)).toMatchObject({ status: 200 });
      expect(existsSync(join(root, 'accepted'))).toBe(true);
      const command = (await runtime.call('getEntries', { run, pattern: 'log://turn_*/sh/*' })).at(-1)?.path ?? '';
      const { chunk } = await runtime.call('stream/read', { run, path: command, channel: 1 });
      expect(chunk).toContain('out\n');
    });

    it('does nothing of what was rejected', async () => {
      const run = await begin();
      await act(run, driver.run('echo made > rejected'));
      const path = await proposal(run);
      await runtime.call('run/resolve', { run, resolution: { path, action: 'reject' } });
      await loop(run, 1);
      expect(existsSync(join(root, 'rejected'))).toBe(false);
      expect(await statusOf(run, path)).toBe(403);
    });

    it('{#loop_queue} takes prompts one after another', async () => {
      const run = await begin();
      await act(run, driver.run('echo one >> queued'));
      const path = await proposal(run);
      expect(await act(run, driver.say('two'))).toMatchObject({ loop: 2, status: 100 });
      await runtime.call('run/resolve', { run, resolution: { path, action: 'accept' } });
      expect(await loop(run, 2)).toMatchObject({ status: 200, result: expect.stringContaining('two') });
      expect(await loop(run, 1)).toMatchObject({ status: 200 });
    });

    it('{#run_abort} is aborted while it waits for an answer, and takes the next prompt', async () => {
      const run = await begin();
      await act(run, driver.run('echo made > aborted'));
      const path = await proposal(run);
      await runtime.call('run/abort', { run });
      expect(await loop(run, 1)).toMatchObject({ status: 499 });
      expect((await info(run)).proposals).toEqual([]);
      expect([499, 409, 410]).toContain(await statusOf(run, path));
      await act(run, driver.say('again'));
      expect(await loop(run, 2)).toMatchObject({ status: 200, result: expect.stringContaining('again') });
      expect(existsSync(join(root, 'aborted'))).toBe(false);
    });

    it('{#loop_restart} waits for the answer over a restart, and goes on', async () => {
      const run = await begin();
      await act(run, driver.run('echo made >> restarted'));
      const path = await proposal(run);
      await runtime.close();
      await start();
      expect((await info(run)).proposals).toEqual([path]);
      await runtime.call('run/resolve', { run, resolution: { path, action: 'accept' } });
      expect(await loop(run, 1)).toMatchObject({ status: 200 });
      expect(existsSync(join(root, 'restarted'))).toBe(true);
    });
  });
}
