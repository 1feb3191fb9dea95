import { describe, expect, it } from 'vitest';
import { readAll, WireError } from '../../support/built-server.ts';
import { ended, follow, liveServer } from '../../support/live-server.ts';

const live = liveServer();
const byClient = { runner: 'client' };

describe('{#failure_modes} writers of a channel', () => {
  it('retry without offset: a chunk that is repeated at its offset is stored once; without one it counts as new, and the answer says where it went', async () => {
    const client = await live.client();
    const place = await live.accepted(client, 'by hand', byClient);
    const stream = (params: object) => client.call('stream', { ...place, channel: 1, ...params });
    for (let i = 0; i < 3; i++) expect(await stream({ chunk: 'once\n', offset: 0 })).toEqual({ status: 'ok', offset: 0, bytes: 5 });
    expect(await stream({ chunk: 'once\nand more\n', offset: 0 })).toEqual({ status: 'ok', offset: 0, bytes: 14 });
    expect(await stream({ chunk: 'twice\n' })).toEqual({ status: 'ok', offset: 14, bytes: 20 });
    expect(await stream({ chunk: 'twice\n' })).toEqual({ status: 'ok', offset: 20, bytes: 26 });
    expect((await readAll(client, place.run, place.path, 1)).toString()).toBe('once\nand more\ntwice\ntwice\n');
    // Whoever lost an answer and sent no offset asks how much is stored before it sends again.
    expect(await client.call('stream/read', { ...place, channel: 1, from: 20 })).toMatchObject({ bytes: 26, chunk: 'twice\n' });
    await client.call('stream/completed', { ...place, exit_code: 0 });
  });

  it('gap or reorder from two writers: of two at one offset one is stored, the other is told where to go on', async () => {
    const [one, two] = [await live.client('one'), await live.client('two')];
    const place = await live.accepted(one, 'by two', byClient);
    const acknowledged = new Map<number, string>();
    const write = async (client: typeof one, name: string) => {
      let offset = 0;
      for (let i = 0; i < 100; ) {
        const chunk = `${name} ${i} ${'.'.repeat(i % 7)}\n`;
        try {
          await client.call('stream', { ...place, channel: 1, chunk, offset });
          expect(acknowledged.has(offset)).toBe(false);
          acknowledged.set(offset, chunk);
          offset += chunk.length;
          i++;
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
          const { data } = error as WireError;
          expect(data['name']).toBe('offset_conflict');
          offset = data['expected'] as number;
        }
      }
    };
    await Promise.all([write(one, 'one'), write(two, 'two')]);
    const inOrder = [...acknowledged].sort(([a], [b]) => a - b).map(([, chunk]) => chunk);
    const text = (await readAll(one, place.run, place.path, 1)).toString();
    expect(text).toBe(inOrder.join(''));
    for (const name of ['one', 'two']) {
      const mine = text.split('\n').filter((line) => line.startsWith(name));
      expect(mine.map((line) => Number(line.split(' ')[1]))).toEqual(Array.from({ length: 100 }, (_, i) => i));
    }
    await expect(one.call('stream', { ...place, channel: 1, chunk: 'gap', offset: text.length + 1 })).rejects.toMatchObject({
      data: { name: 'offset_conflict', expected: text.length },
    });
    await one.call('stream/completed', { ...place, exit_code: 0 });
  });

  it('completion overtaking the last chunk: chunks that were sent before it without waiting are stored and told before the end', async () => {
    const [writer, reader] = [await live.client('writer'), await live.client('reader')];
    const place = await live.accepted(writer, 'in a hurry', byClient);
    const reading = await follow(reader, place, {});
    const sent = Array.from({ length: 200 }, (_, i) => `line ${i}\n`);
    const answers = sent.map((chunk, i) => writer.call('stream', { ...place, channel: 1 + (i % 2), chunk }));
    const end = writer.call('stream/completed', { ...place, exit_code: 0 });
    await Promise.all([...answers, end]);
    await reading.ended;
    const last = reader.notices.map(({ method, params }) => method === 'stream/chunk' && params['path'] === place.path).lastIndexOf(true);
    const ending = reader.notices.findIndex(({ method, params }) => method === 'stream/ended' && params['path'] === place.path);
    expect(ending).toBeGreaterThan(last);
    for (const channel of [1, 2]) {
      const expected = sent.filter((_, i) => 1 + (i % 2) === channel).join('');
      expect(reader.received(place.path, channel).toString()).toBe(expected);
    }
  });

  it('completion overtaking the last chunk: of 20 commands that print and end at once, every end comes last', async () => {
    const client = await live.client();
    const { run } = await client.call<{ run: string }>('startRun', { model: 'scripted' });
    const { subscription } = await client.call<{ subscription: number }>('stream/subscribe', { run, pattern: 'log://**' });
    const paths = await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        const { path } = await client.call<{ path: string }>('sh', { run, command: `seq 1 ${i * 500}; echo last ${i}` });
        await client.call('run/resolve', { run, resolution: { path, action: 'accept' } });
        return path;
      }),
    );
    for (const [i, path] of paths.entries()) {
      await client.notice('stream/ended', (params) => params['path'] === path && params['subscription'] === subscription);
      const end = client.notices.findIndex(({ method, params }) => method === 'stream/ended' && params['path'] === path);
      const chunks = client.notices.map(({ method, params }) => method === 'stream/chunk' && params['path'] === path);
      expect(end).toBeGreaterThan(chunks.lastIndexOf(true));
      expect(client.received(path, 1).toString().endsWith(`last ${i}\n`)).toBe(true);
    }
  });

  it('completion overtaking the last chunk: who comes after the end of a large output has all of it before the end', async () => {
    const [client, late] = [await live.client(), await live.client('late')];
    const place = await live.accepted(client, 'seq 1 1000000; echo last');
    await ended(client, place);
    await (await follow(late, place)).ended;
    expect(late.received(place.path, 1).toString().endsWith('1000000\nlast\n')).toBe(true);
  });

  it('late chunk after completion: is refused with how it ended, and nothing of it is stored', async () => {
    const [one, two] = [await live.client('one'), await live.client('two')];
    for (const [end, status, outcome] of [
      ['stream/completed', 500, 'exit:2'],
      ['stream/aborted', 499, 'aborted'],
      ['stream/cancel', 499, 'cancelled'],
    ] as const) {
      const place = await live.accepted(one, 'by hand', byClient);
      await one.call('stream', { ...place, channel: 1, chunk: 'in time\n', offset: 0 });
      await (end === 'stream/cancel' ? two : one).call(end, { ...place, ...(end === 'stream/completed' ? { exit_code: 2 } : {}) });
      for (const more of [{}, { offset: 8 }, { offset: 0 }]) {
        await expect(one.call('stream', { ...place, channel: 1, chunk: 'late\n', ...more })).rejects.toMatchObject({
          code: -32005,
          data: { name: 'stream_closed', terminal_status: status, outcome },
        });
      }
      expect(await two.call('stream/read', { ...place, channel: 1 })).toMatchObject({ chunk: 'in time\n', bytes: 8, status });
    }
  });
});
