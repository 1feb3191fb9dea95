import { describe, expect, it } from 'vitest';
import type { ChannelReader, ReadPart } from '../../../web/src/output/channel-reader.ts';
import { copiedText } from '../../../web/src/output/copied-text.ts';
import { channelFile } from '../../../web/src/output/download.ts';

/** A channel of `text` as the server reads it; `growth` comes to it with every read. */
function channel(text: string, growth = ''): ChannelReader {
  let bytes = Buffer.from(text);
  const starts = () => {
    const found = [0];
    for (let at = bytes.indexOf(10); at >= 0 && at + 1 < bytes.length; at = bytes.indexOf(10, at + 1)) found.push(at + 1);
    return found;
  };
  const range = (from: number, end: number, maxBytes: number): ReadPart => {
    const to = Math.min(end, from + maxBytes);
    const all = starts();
    const lineOf = (at: number) => all.findLastIndex((start) => start <= at) + 1;
    const lines = { first: lineOf(from), last: lineOf(Math.max(from, to - 1)), total: all.length };
    const part = { from, to, bytes: bytes.length, lines, data: new Uint8Array(bytes.subarray(from, to)) };
    bytes = Buffer.concat([bytes, Buffer.from(growth)]);
    return part;
  };
  return {
    read: async (request) => {
      if ('from' in request) return range(request.from, bytes.length, request.maxBytes);
      if ('last' in request.lines) throw new Error('not asked for here');
      const { first, count } = request.lines;
      if (count > 100_000) throw new Error('invalid_params');
      return range(starts()[first - 1] ?? bytes.length, starts()[first - 1 + count] ?? bytes.length, request.maxBytes);
    },
    search: async () => ({ hits: [], to: 0, bytes: 0 }),
    follow: () => {
      throw new Error('not followed here');
    },
  };
}

describe('{#portal_output} what is copied', () => {
  it('is what is shown: nothing in it acts on a terminal that it is pasted into', async () => {
    const reader = channel('\u001b[31mred\u001b[0m\r\nquiet\u001b[201~reboot\n10 %\r99 %\nlast \u0007');
    expect(await copiedText(reader)).toBe('red\nquietreboot\n99 %\nlast \\x07');
    expect(await copiedText(reader, { first: 2, last: 3 })).toBe('quietreboot\n99 %\n');
  });

  it('is all of it, or nothing and why', async () => {
    const long = channel(`${'x'.repeat(3_000_000)}\n${'y'.repeat(3_000_000)}\nz\n`);
    await expect(copiedText(long)).rejects.toThrow('5.7 MiB are too much for the clipboard; select lines, or download it');
    expect(await copiedText(long, { first: 2, last: 2 })).toHaveLength(3_000_001);
    await expect(copiedText(long, { first: 1, last: 2 })).rejects.toThrow('too much for the clipboard; select fewer lines');
    await expect(copiedText(channel('a\n'.repeat(3)), { first: 1, last: 100_001 })).rejects.toThrow('select fewer lines');
    expect(await copiedText(channel('a\nb'), { first: 2, last: 2 })).toBe('b');
  });
});

describe('{#portal_output} a download', () => {
  it('has what there was when it began, of a command that writes faster than it is read', async () => {
    const file = await channelFile(channel('begin\n'.repeat(1000), 'more\n'.repeat(1_000_000)), new AbortController().signal, () => {});
    expect(file.size).toBe(6000);
    const long = await channelFile(channel('b'.repeat(6_000_000), 'c'.repeat(5_000_000)), new AbortController().signal, () => {});
    expect(await long.text()).toBe('b'.repeat(6_000_000));
  });
});
