import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { readAll, type WireClient } from '../../support/built-server.ts';
import { ended, follow, liveServer, stored } from '../../support/live-server.ts';

const live = liveServer();

/** Resident memory of the server, bytes. */
function residentBytes(): number {
  const kilobytes = /^VmRSS:\s*(\d+)/m.exec(readFileSync(`/proc/${live.server.pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) * 1024;
}

describe('{#failure_modes} readers', () => {
  it('a gap between snapshot and live: whoever joins at any moment has every byte once', async () => {
    const client = await live.client();
    const place = await live.accepted(client, 'i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo "line $i"; done; seq 1 200000; echo end');
    const readers: { reader: WireClient; end: Promise<unknown> }[] = [];
    while (readers.length < 30) {
      const reader = await live.client();
      readers.push({ reader, end: (await follow(reader, place)).ended });
    }
    await ended(client, place);
    const whole = await readAll(client, place.run, place.path, 1);
    expect(whole.toString().endsWith('200000\nend\n')).toBe(true);
    for (const { reader, end } of readers) {
      await end;
      expect(reader.received(place.path, 1).equals(whole)).toBe(true);
    }
  });

  it('a gap between snapshot and live: events that come while a client joins reach it once and in order', async () => {
    const [writer, reader] = [await live.client('writer'), await live.client('reader')];
    const { run } = await writer.call<{ run: string }>('startRun', { model: 'scripted' });
    const { lastSeq } = await writer.call<{ lastSeq: number }>('subscribe', { run });
    const writes = Array.from({ length: 200 }, (_, i) => writer.call('set', { run, path: `known://n${i}`, body: String(i) }));
    const joins = [];
    for (let i = 0; i < 10; i++) joins.push(await reader.call<{ subscription: number }>('subscribe', { run, since: lastSeq }));
    await Promise.all(writes);
    const last = writer.notices.filter(({ method }) => method === 'entry/changed').at(-1)?.params['seq'] as number;
    for (const { subscription } of joins) {
      await reader.notice('entry/changed', (params) => params['subscription'] === subscription && params['seq'] === last);
      const got = reader.notices.filter(({ method, params }) => method === 'entry/changed' && params['subscription'] === subscription);
      expect(got.map(({ params }) => params['path'])).toEqual(Array.from({ length: 200 }, (_, i) => `known://n${i}`));
    }
  });

  it('slow client filling memory: one that reads nothing of 128 MiB costs the server no more than its mark, and has every byte when it reads', async () => {
    const [slow, watcher] = [await live.client('slow'), await live.client('watcher')];
    const bytes = 128 * 1024 * 1024;
    const filling = `yes 0123456789abcdef | head -c ${bytes}; echo end`;
    // Once without it, so that what the server needs for so much output at all is in the comparison.
    await ended(watcher, await live.accepted(watcher, filling));
    const before = residentBytes();
    const place = await live.accepted(watcher, `while [ ! -e fill-go ]; do sleep 0.02; done; ${filling}`);
    let counted = 0;
    await slow.call('stream/subscribe', { ...place, channel: 1 });
    slow.socket.pause();
    await writeFile(join(live.root, 'fill-go'), '');
    expect(await ended(watcher, place)).toMatchObject({ status: 200 });
    expect(residentBytes() - before).toBeLessThan(48 * 1024 * 1024);
    slow.socket.removeAllListeners('message');
    const end = new Promise<void>((resolve) => {
      slow.socket.on('message', (data: Buffer) => {
        const { method, params } = JSON.parse(data.toString()) as {
          method?: string;
          params: { offset: number; chunk: string; path: string };
        };
        if (method === 'stream/chunk') {
          expect(params.offset).toBe(counted);
          counted += params.chunk.length;
        }
        if (method === 'stream/ended' && params.path === place.path) resolve();
      });
    });
    slow.socket.resume();
    await end;
    expect(counted + slow.received(place.path, 1).length).toBe(bytes + 4);
  }, 90_000);

  it('one slow client stalling all: a client that stopped reading keeps neither the others nor the command', async () => {
    const [slow, ...others] = [await live.client('slow'), await live.client('one'), await live.client('two')];
    const place = await live.accepted(slow, 'while [ ! -e stall-go ]; do sleep 0.02; done; seq 1 2000000; echo end; exit 6');
    await slow.call('stream/subscribe', { ...place, channel: 1 });
    const readings = await Promise.all(others.map((other) => follow(other, place)));
    slow.socket.pause();
    await writeFile(join(live.root, 'stall-go'), '');
    for (const [i, other] of others.entries()) {
      expect(await readings[i]?.ended).toMatchObject({ exit_code: 6 });
      expect(other.received(place.path, 1).toString().endsWith('2000000\nend\n')).toBe(true);
      expect(await other.call('ping')).toMatchObject({ pong: true });
    }
    expect(slow.notices.some(({ method, params }) => method === 'stream/ended' && params['path'] === place.path)).toBe(false);
    slow.socket.terminate();
  });

  it('deflate or per-client encoding eating the CPU: a client that offers compression gets none', async () => {
    const socket = new WebSocket(live.server.url, { perMessageDeflate: true, headers: { authorization: `Bearer ${live.server.token}` } });
    await once(socket, 'open');
    expect(socket.extensions).toBe('');
    socket.close();
    await once(socket, 'close');
  });

  it('`since` resuming by time: it is a sequence number, so events of one millisecond are told apart, and a time is refused', async () => {
    const client = await live.client();
    const { run } = await client.call<{ run: string }>('startRun', { model: 'scripted' });
    await Promise.all(Array.from({ length: 60 }, (_, i) => client.call('set', { run, path: `known://burst${i}`, body: 'x' })));
    await client.notice('entry/changed', ({ path }) => path === 'known://burst59');
    const events = client.notices.filter(({ method }) => method === 'entry/changed').map(({ params }) => params);
    const middle = events[29]?.['seq'] as number;
    await live.crashAndStart();
    const again = await live.client();
    const { subscription } = await again.call<{ subscription: number }>('subscribe', { run, since: middle });
    await again.notice('replay/synced', (params) => params['subscription'] === subscription);
    const got = again.notices.filter(({ method, params }) => method === 'entry/changed' && params['subscription'] === subscription);
    expect(got.map(({ params }) => params['seq'])).toEqual(events.slice(30).map(({ seq }) => seq));
    await expect(again.call('subscribe', { run, since: Date.now() })).rejects.toMatchObject({ data: { name: 'invalid_params' } });
  });

  it('crash between commit and notify: a change that was stored and told to nobody is in the log, and is told after the restart', async () => {
    const [deaf, other] = [await live.client('deaf'), await live.client('other')];
    const { lastSeq } = await deaf.call<{ lastSeq: number }>('init', { name: 'test', projectRoot: live.root });
    deaf.socket.pause();
    const place = await live.accepted(other, 'echo stored; while [ ! -e told-go ]; do sleep 0.02; done; exit 5');
    await stored(other, place, 7);
    await live.server.crash();
    await writeFile(join(live.root, 'told-go'), '');
    await live.start();
    const again = await live.client('deaf');
    const { subscription } = await again.call<{ subscription: number }>('subscribe', { since: lastSeq });
    const mine = (name: string) =>
      again.notices.filter(
        ({ method, params }) => method === name && params['run'] === place.run && params['subscription'] === subscription,
      );
    const end = await again.notice('stream/ended', (params) => params['run'] === place.run && params['subscription'] === subscription);
    expect(end).toMatchObject({ exit_code: 5 });
    for (const name of ['run/proposal', 'run/resolved', 'stream/started', 'stream/ended']) expect(mine(name), name).toHaveLength(1);
    expect((await readAll(again, place.run, place.path, 1)).toString()).toBe('stored\n');
  });

  it('crash between commit and notify: a chunk whose acknowledgement never came is sent again at its offset and is there once', async () => {
    let client = await live.client();
    const place = await live.accepted(client, 'by hand', { runner: 'client' });
    const chunks = Array.from({ length: 300 }, (_, i) => `chunk ${i} of the client\n`);
    let next = 0;
    let offset = 0;
    for (let round = 0; round < 5; round++) {
      const upTo = Math.min(chunks.length, next + 60);
      // All at once, and the server dies with some stored, some acknowledged, and some not.
      let at = offset;
      const answers = chunks.slice(next, upTo).map((chunk) => {
        const sent = client.call<{ bytes: number }>('stream', { ...place, channel: 1, chunk, offset: at });
        at += chunk.length;
        return sent;
      });
      for (const answer of answers) void answer.catch(() => {});
      await answers[round * 10];
      await live.crashAndStart();
      for (const answer of await Promise.allSettled(answers)) {
        if (answer.status === 'rejected') break;
        offset += chunks[next++]?.length ?? 0;
      }
      client = await live.client();
    }
    for (; next < chunks.length; next++) {
      const { bytes } = await client.call<{ bytes: number }>('stream', { ...place, channel: 1, chunk: chunks[next], offset });
      offset += chunks[next]?.length ?? 0;
      expect(bytes).toBeGreaterThanOrEqual(offset);
    }
    await client.call('stream/completed', { ...place, exit_code: 0 });
    expect((await readAll(client, place.run, place.path, 1)).toString()).toBe(chunks.join(''));
  });
});
