import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { type Params, readAll } from '../../support/built-server.ts';
import { ended, faulty, follow, liveServer, stored } from '../../support/live-server.ts';

const live = liveServer();

describe('{#failure_modes} the clock of the server', () => {
  it('clock stepping back: order, offsets, sizes, durations and what a client resumes do not follow it', async () => {
    await live.crashAndStart(faulty('clock'));
    const client = await live.client();
    const place = await live.accepted(client, 'echo one; while [ ! -e clock-go ]; do sleep 0.02; done; echo two; exit 3');
    const reading = await follow(client, place);
    await stored(client, place, 4);
    const { at: before } = await client.call<{ at: number }>('ping');
    process.kill(live.server.pid, 'SIGUSR2');
    await vi.waitUntil(async () => (await client.call<{ at: number }>('ping')).at < before - 3_000_000, { timeout: 10_000, interval: 10 });
    const { path: later } = await client.call<{ path: string }>('set', { run: place.run, path: 'known://later', body: 'x' });
    const [listed] = await client.call<{ ageMs: number }[]>('stream/list', { run: place.run });
    expect(listed?.ageMs).toBeGreaterThanOrEqual(0);
    await writeFile(join(live.root, 'clock-go'), '');
    expect(await reading.ended).toMatchObject({ exit_code: 3 });
    expect(client.received(place.path, 1).toString()).toBe('one\ntwo\n');
    const entry = await client.call<{ attributes: Params }>('get', { ...place });
    expect(entry.attributes['duration_ms']).toBeGreaterThanOrEqual(0);
    expect(entry.attributes['duration_ms']).toBeLessThan(60_000);
    // The end came through the stream's own subscription, which keeps to the order of the bytes.
    const seqs = client.notices.flatMap(({ method, params }) =>
      params['seq'] && method !== 'stream/ended' ? [params['seq'] as number] : [],
    );
    expect(seqs.length).toBeGreaterThan(8);
    expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
    const again = await live.client();
    const { subscription } = await again.call<{ subscription: number }>('subscribe', { since: seqs[0] });
    await again.notice('replay/synced', (params) => params['subscription'] === subscription);
    const replayed = again.notices.flatMap(({ method, params }) =>
      params['subscription'] === subscription && !['stream/ended', 'replay/synced'].includes(method) ? [params['seq']] : [],
    );
    expect(replayed).toEqual(seqs.slice(1));
    expect(again.notices.some(({ params }) => params['path'] === later)).toBe(true);
  });

  it('clock stepping back: a command with a time limit has no longer for it, also when the server was restarted in between', async () => {
    await live.crashAndStart();
    const client = await live.client();
    const place = await live.proposed(client, 'echo up; exec sleep 300', { timeout: 3000 });
    await client.call('run/resolve', { run: place.run, resolution: { path: place.path, action: 'accept' } });
    await stored(client, place, 3);
    await live.server.crash();
    // A server whose clock is an hour behind that of the one before it.
    await live.start(faulty('clock back'));
    const next = await live.client();
    expect(await ended(next, place)).toMatchObject({ status: 500, outcome: 'timeout' });
    expect((await readAll(next, place.run, place.path, 1)).toString()).toBe('up\n');
  });
});
