import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readAll } from '../../support/built-server.ts';
import { follow, liveServer, stored } from '../../support/live-server.ts';
import { openAiServer } from '../../support/openai-server.ts';

const live = liveServer();

describe('{#failure_modes} what is in the bytes', () => {
  it('UTF-8 split across chunks: readers get the whole character, and never half of one', async () => {
    const client = await live.client();
    const split =
      "printf 'caf\\303'; while [ ! -e split-go ]; do sleep 0.02; done; printf '\\251 \\360\\237'; touch split-second; while [ ! -e split-end ]; do sleep 0.02; done; printf '\\230\\200\\n'";
    const place = await live.accepted(client, split);
    const raw = await follow(client, place);
    const other = await live.client();
    const text = await follow(other, place, { channel: 1, format: 'text' });
    await stored(client, place, 4);
    await writeFile(join(live.root, 'split-go'), '');
    await stored(client, place, 8);
    await writeFile(join(live.root, 'split-end'), '');
    await Promise.all([raw.ended, text.ended]);
    for (const each of [client, other]) {
      const chunks = each.notices.filter(({ method }) => method === 'stream/chunk').map(({ params }) => params);
      expect(chunks.map(({ encoding }) => encoding)).not.toContain('base64');
      expect(chunks.map(({ chunk }) => chunk).join('')).toBe('café 😀\n');
      expect(chunks.length).toBeGreaterThanOrEqual(3);
    }
  });

  it('invalid UTF-8: is stored, sent and read as it was written, and is U+FFFD in the format text', async () => {
    const client = await live.client();
    const place = await live.accepted(client, "printf 'a\\377\\376b\\300\\200\\355\\240\\200\\n\\303'");
    await (await follow(client, place)).ended;
    const expected = Buffer.from([0x61, 0xff, 0xfe, 0x62, 0xc0, 0x80, 0xed, 0xa0, 0x80, 0x0a, 0xc3]);
    expect(client.received(place.path, 1).equals(expected)).toBe(true);
    expect((await readAll(client, place.run, place.path, 1)).equals(expected)).toBe(true);
    const text = await live.client();
    await (await follow(text, place, { channel: 1, format: 'text' })).ended;
    const shown = text.notices.filter(({ method }) => method === 'stream/chunk').map(({ params }) => params['chunk']);
    expect(shown.join('')).toBe(new TextDecoder().decode(expected));
  });

  it('characters counted for bytes: every offset and size is in bytes, and one that counts characters is refused', async () => {
    const client = await live.client();
    const place = await live.accepted(client, 'counted by hand', { runner: 'client' });
    const stream = (chunk: string, offset: number) => client.call('stream', { ...place, channel: 1, chunk, offset });
    expect(await stream('né😀', 0)).toEqual({ status: 'ok', offset: 0, bytes: 7 });
    for (const characters of [3, 4]) {
      await expect(stream('next', characters)).rejects.toMatchObject({ data: { name: 'offset_conflict', expected: 7 } });
    }
    expect(await stream('next', 7)).toEqual({ status: 'ok', offset: 7, bytes: 11 });
    const tail = await client.call('stream/read', { ...place, channel: 1, from: 7 });
    expect(tail).toMatchObject({ from: 7, to: 11, bytes: 11, chunk: 'next' });
    const reading = await follow(client, place, { channel: 1, from: 3 });
    await client.call('stream/completed', { ...place, exit_code: 0 });
    await reading.ended;
    expect(client.received(place.path, 1, 3).toString()).toBe('😀next');
  });

  it('a tail cut inside an escape sequence: a reader of text never sees the rest of the sequence', async () => {
    const client = await live.client();
    const cut =
      "printf 'plain \\033[3'; while [ ! -e cut-go ]; do sleep 0.02; done; printf '1mred\\033[0m\\033]0;title'; while [ ! -e cut-end ]; do sleep 0.02; done; printf '\\007 end\\n'";
    const place = await live.accepted(client, cut);
    const reading = await follow(client, place, { channel: 1, format: 'text' });
    await stored(client, place, 9);
    await writeFile(join(live.root, 'cut-go'), '');
    await stored(client, place, 25);
    await writeFile(join(live.root, 'cut-end'), '');
    await reading.ended;
    const shown = client.notices.filter(({ method }) => method === 'stream/chunk').map(({ params }) => params['chunk']);
    expect(shown.join('')).toBe('plain red end\n');
  });

  it('a tail cut inside an escape sequence: a digest that begins within a long line begins after the sequence', async () => {
    const model = await openAiServer();
    live.env['HEADGATE_OPENAI_BASE_URL'] = model.url;
    live.env['HEADGATE_OPENAI_API_KEY'] = 'none';
    await live.crashAndStart();
    const client = await live.client();
    // One line of 600 KB in which nine bytes of ten belong to a sequence: wherever it is cut, it is cut inside one.
    const command = `i=0; while [ $i -lt 6000 ]; do printf '\\033[38;5;12%d;48;5;201;1;4;58;5;20%dm\\033]8;;http://example.invalid/aaaaaaaaaaaaaaaaaaaaaaaaa\\033\\\\.' $((i%10)) $((i%7)); i=$((i+1)); done`;
    model.answer(
      { kind: 'say', calls: [{ name: 'sh', args: JSON.stringify({ command, yield_ms: 60_000 }) }] },
      { kind: 'say', text: 'ok' },
    );
    await client.call('addModel', { alias: 'digest', actual: 'm' });
    const { status } = await client.call<{ status: number }>('act', { prompt: 'x', model: 'digest', yolo: true, wait: true });
    expect(status).toBe(200);
    const result = String(model.requests[1]?.body.messages.filter(({ role }) => role === 'tool').at(-1)?.content);
    await model.close();
    expect(result).not.toContain('\u001b');
    const lines = result.split('\n').filter((line) => line.startsWith('.'));
    expect(lines).toHaveLength(1);
    expect(lines[0]?.replace(/ ?\[[^\]]*\]$/, '')).toMatch(/^\.+$/);
  });
});
