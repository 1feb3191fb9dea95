import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { PluginContext } from '../../../src/hooks/plugin.ts';
import { type HookFailure, HookRegistry } from '../../../src/hooks/registry.ts';
import type { ContextPart } from '../../../src/hooks/table.ts';
import type { ChannelReader, RunView } from '../../../src/hooks/views.ts';
import { bundledPlugins } from '../../../src/plugins/index.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const SCOPE = { projectId: 1, run: 'r1', loop: 1, mode: 'act', turn: 2 } as const;

/** A channel of unknown output: playing it takes all the time that it may take. */
const unknown = (path: string): ChannelReader =>
  ({
    path,
    digest: async (_: number, patienceMs = 3000) => {
      await new Promise((resolve) => setTimeout(resolve, patienceMs));
      return { text: `output of ${path}`, ranges: [] };
    },
  }) as unknown as ChannelReader;

const part = (path: string): ContextPart =>
  ({ position: [1, 1, 1], message: { role: 'tool', text: path }, pieces: [], entry: { path, attributes: {} } }) as unknown as ContextPart;

describe('{#digest_incremental} a turn after a restart', () => {
  it('shows something of every channel, however much would have to be played', async () => {
    const failures: HookFailure[] = [];
    const hooks = new HookRegistry({ failed: (failure) => void failures.push(failure) });
    const filter = hooks.filter.bind(hooks, 'stream');
    const apply = hooks.apply.bind(hooks);
    bundledPlugins.find(({ name }) => name === 'stream')?.setup({ filter, apply } as unknown as PluginContext);
    const view = {
      run: { projectId: 1, alias: 'r1' },
      turn: { sequence: 2, loopId: 1 },
      channels: ({ path }: { path: string }) => [unknown(`${path}_1`), unknown(`${path}_2`)],
      turns: () => [],
      loops: () => [],
      entries: () => [],
    } as unknown as RunView;
    const parts = hooks.apply('context.assemble', [part('a'), part('b')], { ...SCOPE, view });
    await vi.runAllTimersAsync();
    const texts = (await parts).map(({ message }) => message.text);
    expect(failures).toEqual([]);
    expect(texts).toEqual(['a\n\noutput of a_1\n\noutput of a_2', 'b\n\noutput of b_1\n\noutput of b_2']);
  });
});
