import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createProcessBackend, createPtyBackend } from '../../../src/backends/process/index.ts';
import { bootId } from '../../../src/core/boot-id.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { terminal } from '../../../src/model/place.ts';
import { createRunner } from '../../../src/runner/index.ts';
import { Journal, Streams } from '../../../src/stream/index.ts';
import { serviceAvailable } from '../../support/require.ts';
import { propose, tempFolder, tempStore } from '../../support/temp-store.ts';

let h: Awaited<ReturnType<typeof open>>;
beforeEach(async () => {
  h = await open();
});
afterEach(() => h.close());

/** Streams over a real store, with commands in real terminals. */
async function open() {
  const temp = await tempStore();
  const { folder, remove } = await tempFolder();
  await mkdir(join(folder, 'work'));
  const common = { clock: systemClock, logger: silentLogger };
  const journal = new Journal({ store: temp.store, logger: silentLogger });
  const streams = new Streams({ store: temp.store, journal, ...common });
  const process = createProcessBackend({ folder: join(folder, 'spool'), ...common });
  const backends = new Map([['process', process] as const, ['pty', createPtyBackend(process)] as const]);
  const runner = createRunner({ name: 'embedded', link: streams.link, backends, bootId: bootId(), ...common });
  streams.attachRunner(runner);
  const text = (path: string) => streams.read({ runId: temp.run.id, path, channel: 1 }).data.toString();
  const start = async (backend: 'process' | 'pty', command: string): Promise<string> => {
    const entry = propose(temp.store, temp.run, backend);
    const tty = backend === 'pty' ? { tty: terminal.parse({}) } : {};
    const spec = { command, cwd: join(folder, 'work'), env: {}, stdin: true, ...tty };
    journal.commit('durable', (tx) => streams.open(tx, entry, { backend, runner: 'embedded', channels: [1], spec }));
    await vi.waitUntil(() => text(entry.path).includes('up'), { timeout: 10_000, interval: 5 });
    return entry.path;
  };
  const close = async () => {
    for (const { producer } of streams.list({ runId: temp.run.id, state: 'live' })) {
      streams.cancel(temp.run.id, producer.path, { by: 'test', reason: null, graceMs: 0 });
    }
    await vi.waitUntil(() => streams.list({ runId: temp.run.id, state: 'live' }).length === 0, { timeout: 10_000, interval: 5 });
    await runner.close();
    streams.close();
    await temp.close();
    await remove();
  };
  return { runId: temp.run.id, streams, start, text, close };
}

const secret = Buffer.from('hunter2\n');

describe('{#secret_input} a secret that is typed', () => {
  it('goes into a pipe, which echoes nothing', async () => {
    const path = await h.start('process', 'echo up; read -r x; echo "${#x} characters"; sleep 60');
    expect(await h.streams.input(h.runId, path, secret, { secret: true })).toMatchObject({ bytes: secret.length });
    await vi.waitUntil(() => h.text(path).includes('7 characters'), { timeout: 20_000 });
    expect(h.text(path)).not.toContain('hunter2');
  });

  it.skipIf(!serviceAvailable('script'))('is refused by a terminal that echoes, and taken by one that does not', async () => {
    const path = await h.start('pty', 'echo up; read -r x; stty -echo; echo quiet; read -r y; echo "${#y} characters"; sleep 60');
    await expect(h.streams.input(h.runId, path, secret, { secret: true })).rejects.toMatchObject({ kind: 'conflict' });
    await h.streams.input(h.runId, path, Buffer.from('\n'));
    await vi.waitUntil(() => h.text(path).includes('quiet'), { timeout: 20_000 });
    expect(await h.streams.input(h.runId, path, secret, { secret: true })).toMatchObject({ bytes: secret.length });
    await vi.waitUntil(() => h.text(path).includes('7 characters'), { timeout: 20_000 });
    expect(h.text(path)).not.toContain('hunter2');
  });
});
