import type { AgentContext, SessionNotification } from '@agentclientprotocol/sdk';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CallOutput } from '../../../src/acp/call-output.ts';
import { traitsOf } from '../../../src/acp/client-traits.ts';
import type { Link } from '../../../src/acp/link.ts';
import { Outlet } from '../../../src/acp/outlet.ts';
import { type Deferred, deferred } from '../../../src/core/deferred.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** The output of a command that writes what it is told to, and an editor that takes an update when it is told to. */
function shown() {
  const updates: { readonly text: string; readonly taken: Deferred<void> }[] = [];
  const notify = async (_: string, { update }: SessionNotification) => {
    const taken = deferred();
    updates.push({ text: JSON.stringify(update), taken });
    await taken.promise;
  };
  const outlet = new Outlet({ notify } as unknown as AgentContext, traitsOf(undefined), 's');
  const from = new Map([[1, 0]]);
  const output = new CallOutput({ outlet, run: 'r', path: 'log://turn_1/sh/x', isTerminal: false, before: [], from });
  let wrote = deferred<string>();
  async function* follow(_run: string, _path: string, { signal }: { signal?: AbortSignal }) {
    const aborted = deferred<never>();
    signal?.addEventListener('abort', () => aborted.reject(signal.reason));
    for (let offset = 0; ; ) {
      const bytes = Buffer.from(await Promise.race([wrote.promise, aborted.promise]));
      wrote = deferred();
      yield { channel: 1, offset, bytes };
      offset += bytes.length;
    }
  }
  output.read({ runtime: { follow } } as unknown as Link);
  return { output, updates, write: (text: string) => wrote.resolve(text) };
}

const LONG_MS = 1000;

describe('{#acp_output} output in an editor without terminals', () => {
  it('is shown to its last byte, also what came while the editor was slow to take the rest', async () => {
    const { updates, write } = shown();
    write('first ');
    await vi.advanceTimersByTimeAsync(LONG_MS);
    expect(updates).toHaveLength(1);
    write('second');
    await vi.advanceTimersByTimeAsync(LONG_MS);
    // One that takes nothing is not sent more and more.
    expect(updates).toHaveLength(1);
    updates[0]?.taken.resolve();
    await vi.advanceTimersByTimeAsync(LONG_MS);
    expect(updates).toHaveLength(2);
    expect(updates[1]?.text).toContain('first second');
    updates[1]?.taken.resolve();
    await vi.advanceTimersByTimeAsync(LONG_MS);
    expect(updates).toHaveLength(2);
  });

  it('is not shown any more once it is closed', async () => {
    const { output, updates, write } = shown();
    write('first ');
    await vi.advanceTimersByTimeAsync(LONG_MS);
    output.close();
    updates[0]?.taken.resolve();
    write('second');
    await vi.advanceTimersByTimeAsync(LONG_MS);
    expect(updates).toHaveLength(1);
  });
});
