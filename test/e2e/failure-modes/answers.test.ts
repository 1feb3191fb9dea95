import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { processesWith, readAll, type WireClient } from '../../support/built-server.ts';
import { ended, liveServer, receiptOf, stored } from '../../support/live-server.ts';

const live = liveServer();

const state = async (client: WireClient, place: { run: string; path: string }) =>
  (await client.call<{ status: number; outcome: string | null }[]>('getEntries', { run: place.run, body: false })).map(
    ({ status }) => status,
  );

describe('{#failure_modes} answers, cancels and what they leave', () => {
  it('orphaned 102: what a client ran that is gone is cleared at once by any other client', async () => {
    const [runner, other] = [await live.client('runner'), await live.client('other')];
    const place = await live.accepted(runner, 'by a client that vanishes', { runner: 'client' });
    await runner.call('stream', { ...place, channel: 1, chunk: 'half' });
    runner.socket.terminate();
    expect((await other.call<unknown[]>('stream/list', { run: place.run, state: 'live' })).length).toBe(1);
    expect(await other.call('stream/cancel', { ...place, reason: 'its client is gone' })).toMatchObject({
      channels: [{ status: 499 }, { status: 499 }],
    });
    expect(await state(other, place)).toEqual([499, 499, 499]);
    expect(await other.call('stream/list', { run: place.run, state: 'live' })).toEqual([]);
    expect(await other.call('stream/read', { ...place, channel: 1 })).toMatchObject({ chunk: 'half', status: 499 });
  });

  it('orphaned 102: a command that vanished while the server was away ends as lost, with what it had written', async () => {
    const client = await live.client();
    const place = await live.accepted(client, 'echo $$ > vanishing; echo written; exec sleep 300');
    await stored(client, place, 8);
    const pid = Number(await live.text('vanishing'));
    const shim = Number(/^PPid:\s*(\d+)/m.exec(await live.processFile(pid, 'status'))?.[1]);
    await live.server.crash();
    for (const each of [shim, pid]) process.kill(each, 'SIGKILL');
    await live.start();
    const next = await live.client();
    expect(await ended(next, place)).toMatchObject({ status: 500, outcome: 'lost' });
    expect(await state(next, place)).toEqual([500, 500, 500]);
    expect((await readAll(next, place.run, place.path, 1)).toString()).toBe('written\n');
    expect(await next.call('stream/list', { run: place.run, state: 'live' })).toEqual([]);
  });

  it('cancel before start: one that comes with the acceptance leaves no process and no 102, however far the start was', async () => {
    const client = await live.client();
    const { run } = await client.call<{ run: string }>('startRun', { model: 'scripted' });
    const mark = `HGMARK${process.pid}early`;
    const places = await Promise.all(
      Array.from({ length: 10 }, async (_, i) => {
        const { path } = await client.call<{ path: string }>('sh', { run, command: `sleep 30${i}`, env: { MARK: mark } });
        const accept = client.call('run/resolve', { run, resolution: { path, action: 'accept' } });
        // The cancel is on its way before the acceptance has been answered.
        const cancel = client.call('stream/cancel', { run, path, grace_ms: 100 });
        await Promise.all([accept, cancel]);
        return { run, path };
      }),
    );
    for (const place of places) {
      expect(await receiptOf(client, place)).toMatchObject({ escaped: [] });
      expect(await ended(client, place)).toMatchObject({ status: 499, outcome: 'cancelled' });
    }
    expect(await processesWith(mark)).toEqual([]);
  });

  it('cancel before start: of a proposal that nobody has accepted it is refused, and the proposal still waits', async () => {
    const client = await live.client();
    const place = await live.proposed(client, 'echo ran >> unaccepted');
    await expect(client.call('stream/cancel', { ...place })).rejects.toMatchObject({ data: { name: 'stream_not_open' } });
    expect(await client.call('getProposals', { run: place.run })).toMatchObject([{ path: place.path, status: 202 }]);
    await client.call('run/resolve', { run: place.run, resolution: { path: place.path, action: 'reject' } });
    await expect(client.call('stream/cancel', { ...place })).rejects.toMatchObject({ code: -32005 });
    expect(await live.text('unaccepted')).toBe('');
  });

  it('cancel twice: both are answered alike, everyone is told once, and there is one receipt, in the name of the first', async () => {
    const [one, two, watcher] = [await live.client('one'), await live.client('two'), await live.client('watcher')];
    const place = await live.accepted(one, "trap '' TERM; echo up; while :; do sleep 1; done");
    await stored(one, place, 3);
    const [first, second] = await Promise.all([
      one.call('stream/cancel', { ...place, reason: 'first', grace_ms: 300 }),
      two.call('stream/cancel', { ...place, reason: 'second', grace_ms: 300 }),
    ]);
    expect(second).toEqual(first);
    const receipt = await receiptOf(watcher, place);
    const [asked, reason] = [receipt['requestedBy'], receipt['reason']];
    expect([
      ['one', 'first'],
      ['two', 'second'],
    ]).toContainEqual([asked, reason]);
    expect(await two.call('stream/cancel', { ...place, reason: 'third' })).toEqual(first);
    expect(await receiptOf(watcher, place)).toEqual(receipt);
    await watcher.call('ping');
    expect(watcher.notices.filter(({ method, params }) => method === 'stream/cancelled' && params['run'] === place.run)).toHaveLength(1);
  });

  it('accept twice at once: one of ten clients has accepted it, the others are told who, and the command ran once', async () => {
    const clients = await Promise.all(Array.from({ length: 10 }, (_, i) => live.client(`client ${i}`)));
    const first = clients[0] as WireClient;
    const place = await live.proposed(first, 'echo ran >> accepted-runs');
    const resolution = { path: place.path, action: 'accept' };
    const answers = await Promise.allSettled(clients.map((each) => each.call('run/resolve', { run: place.run, resolution })));
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const winner = `client ${answers.findIndex(({ status }) => status === 'fulfilled')}`;
    for (const answer of answers) {
      if (answer.status === 'fulfilled') continue;
      expect(answer.reason).toMatchObject({ data: { name: 'proposal_resolved', resolution: { action: 'accept', by: winner } } });
    }
    expect(await ended(first, place)).toMatchObject({ status: 200 });
    await first.call('ping');
    expect(first.notices.filter(({ method, params }) => method === 'stream/started' && params['run'] === place.run)).toHaveLength(1);
    expect(await live.text('accepted-runs')).toBe('ran\n');
  });

  it('run deleted under a live producer: it is refused while the command runs, and afterwards nothing of the run is left', async () => {
    const client = await live.client();
    const place = await live.accepted(client, 'echo up; while [ ! -e delete-go ]; do sleep 0.02; done; echo done > delete-witness');
    await stored(client, place, 3);
    await expect(client.call('run/delete', { run: place.run })).rejects.toMatchObject({ data: { name: 'conflict' } });
    const byHand = await live.accepted(client, 'by hand', { runner: 'client' });
    await expect(client.call('run/delete', { run: byHand.run })).rejects.toMatchObject({ data: { name: 'conflict' } });
    await client.call('stream/completed', { ...byHand, exit_code: 0 });
    await writeFile(join(live.root, 'delete-go'), '');
    expect(await ended(client, place)).toMatchObject({ status: 200 });
    expect(await live.text('delete-witness')).toBe('done\n');
    await client.call('run/delete', { run: place.run });
    await expect(client.call('stream/read', { ...place, channel: 1 })).rejects.toMatchObject({ data: { name: 'not_found' } });
    await vi.waitUntil(() => live.folders().length === 0, { timeout: 10_000 });
  });
});
