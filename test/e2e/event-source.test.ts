import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type BuiltServer, endCommands, serve, WireClient } from '../support/built-server.ts';
import { fetchText, TestEventSource } from '../support/event-source.ts';
import { tempFolder } from '../support/temp-store.ts';

let data: string;
let root: string;
let remove: () => Promise<void>;
let server: BuiltServer;
beforeEach(async () => {
  ({ folder: data, remove } = await tempFolder());
  root = join(data, 'project');
  await mkdir(root);
  server = await serve(data);
});
afterEach(async () => {
  await endCommands(server, root);
  await server.stop();
  await remove();
});

const sha = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** Opens a stream of the run r. */
function follow(path: string, lastId?: string): Promise<TestEventSource> {
  const headers = { authorization: `Bearer ${server.token}`, ...(lastId === undefined ? {} : { 'last-event-id': lastId }) };
  return TestEventSource.open(`${server.http}/runs/r/${path}`, headers);
}

describe('{#transport_sse} {#exactly_once} a client of event streams', () => {
  it('has every byte and every event once, although the server is killed with -9 again and again', async () => {
    const client = await WireClient.connect(server, root);
    await client.call('startRun', { model: 'scripted', alias: 'r' });
    // It writes until the file appears, so that there is output to come at every kill.
    const command = 'i=0; while [ ! -e stop ]; do seq $i $((i + 500)); i=$((i + 1)); sleep 0.02; done | tee copy; exit 7';
    const { path } = await client.call<{ path: string }>('sh', { run: 'r', command, stdin: false });
    await client.call('run/resolve', { run: 'r', resolution: { path, action: 'accept' } });
    const channel = `channels/${encodeURIComponent(path)}`;
    const parts: Buffer[] = [];
    const seqs: number[] = [];
    let offset = 0;
    let byteId: string | undefined;
    let eventId: string | undefined = '0';
    for (let kills = 0; ; kills++) {
      const [bytes, events]: [TestEventSource, TestEventSource] = await Promise.all([follow(channel, byteId), follow('events', eventId)]);
      const from = offset;
      if (kills === 3) await writeFile(join(root, 'stop'), '');
      await bytes.until((one) => one.over !== undefined || (kills < 3 && one.bytes(from).length > 20_000));
      const ended = bytes.events.some(({ event }) => event === 'ended');
      if (ended) await events.event('stream/ended');
      else {
        await server.crash();
        await Promise.all([bytes, events].map((one) => one.until(({ over }) => over !== undefined)));
      }
      const got = bytes.bytes(from);
      parts.push(got);
      offset += got.length;
      byteId = bytes.lastId ?? byteId;
      seqs.push(...events.events.filter(({ event }) => event !== 'replay/synced').map(({ data }) => data['seq'] as number));
      eventId = events.lastId;
      for (const one of [bytes, events]) one.close();
      if (ended) {
        expect(bytes.events.at(-1)).toMatchObject({
          event: 'ended',
          data: { status: 500, exit_code: 7, channels: [{ bytes: offset }, { bytes: 0 }] },
        });
        expect(kills).toBe(3);
        break;
      }
      server = await serve(data);
    }
    expect(sha(Buffer.concat(parts))).toBe(sha(await readFile(join(root, 'copy'))));
    // Only this run has events here, so their numbers are without a gap.
    expect(seqs.slice(1).every((seq, i) => seq === (seqs[i] ?? 0) + 1)).toBe(true);
    const again = { authorization: `Bearer ${server.token}`, 'last-event-id': byteId ?? '' };
    expect((await fetchText(`${server.http}/runs/r/${channel}`, { headers: again })).status).toBe(204);
  });
});
