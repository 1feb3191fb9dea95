import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Digests } from '../../../src/digest/index.ts';
import { digestOf, MemoryChannels, store } from './memory-channels.ts';

const MAX_BYTES = 8192;
const of = (content: string | Buffer, options: Parameters<typeof digestOf>[1] = {}) => digestOf(Buffer.from(content as string), options);
const numbered = (count: number, text = 'line') => Array.from({ length: count }, (_, index) => `${text} ${index + 1}\n`).join('');
/** Lines that differ in more than numbers. */
const varied = (count: number) =>
  Array.from({ length: count }, (_, index) => `${'abcdefghij'[index % 10]}${'klmnopqrst'[Math.floor(index / 10) % 10]} ${index}\n`).join(
    '',
  );
const TERMINAL = { cols: 80, rows: 24 };

afterEach(() => void vi.restoreAllMocks());

describe('{#digest} what a model is shown of a channel', () => {
  it('is all of it when it is small, and says so when there is nothing', async () => {
    expect(await of('one\ntwo\n')).toEqual({ text: 'sh://turn_1/x_1 (stdout):\none\ntwo', ranges: [{ from: 0, to: 8 }] });
    expect((await of('')).text).toContain('nothing');
    expect((await of('\r\r\u001b[K')).text).toContain('show nothing');
  });

  it('says that all lines are shown when only those alike were left out, and how to read these', async () => {
    const { text } = await of(`${numbered(3000)}src/a.c:1:1: error: no such thing\n${numbered(3000)}`);
    const [notice = ''] = text.split('\n');
    expect(notice).toMatch(/6001 lines; shown: lines 1-6001, those alike counted; left out: \d+ bytes/);
    expect(notice).toContain('"line": 2}');
    expect(text).toContain('3001| src/a.c:1:1: error: no such thing');
  });

  it('is head and tail with line numbers otherwise, and says what is left out and how to read on', async () => {
    const { text, ranges } = await of(varied(20_000));
    const lines = text.split('\n');
    expect(lines[0]).toMatch(/\d+ bytes, 20000 lines; shown: lines 1-\d+, lines \d+-20000; left out: \d+ bytes/);
    const next = Number(/get \{"path": "sh:\/\/turn_1\/x_1", "line": (\d+)\}/.exec(lines[0] ?? '')?.[1]);
    expect(lines[1]).toBe('1| ak 0');
    expect(lines.at(-1)).toBe('20000| jt 19999');
    expect(lines.find((line) => line.startsWith(`${next - 1}| `))).toBeDefined();
    expect(lines.find((line) => line.startsWith(`${next}| `))).toBeUndefined();
    const gap = /\[\.\.\. lines (\d+)-(\d+)\]/.exec(text);
    expect(Number(gap?.[1])).toBe(next);
    const left = Number(/left out: (\d+) bytes/.exec(text)?.[1]);
    expect(left).toBe(varied(20_000).length - ranges.reduce((sum, { from, to }) => sum + to - from, 0));
  });

  it('keeps errors between, with their numbers and what stands around them, failures before warnings', async () => {
    const { text } = await of(
      `${varied(5000)}src/a.ts:3:1: error TS2322: no\n  at here\n${varied(3000)}warning: old\n${varied(3000)}Traceback (most recent call last):\n  File "x.py"\n${varied(5000)}`,
    );
    expect(text).toContain('5001| src/a.ts:3:1: error TS2322: no\n5002|   at here');
    expect(text).toContain('8003| warning: old');
    expect(text).toContain('11004| Traceback (most recent call last):\n11005|   File "x.py"');
    expect(text).toContain('3 lines between that look like errors');
  });

  it('keeps the one failure among a million lines that only seem to be errors', async () => {
    const noise = Array.from(
      { length: 30_000 },
      (_, index) => `warning: slow query ${index} in ${'abcdefg'[index % 7]}${'hijklmn'[index % 5]}\n`,
    ).join('');
    const { text } = await of(`${noise}panic: index out of range [3] with length 3\n${noise}`.replace('panic:', 'fatal:'));
    expect(text).toContain('30001| fatal: index out of range');
  });

  it('finds errors far behind the beginning of a line, and tells apart lines that begin alike', async () => {
    const line = (message: string) => `{"errors":0,"context":"${'c'.repeat(700)}","message":"${message}"}\n`;
    const { text } = await of(`${varied(3000)}${line('all is well').repeat(3)}${line('fatal: disk is full')}${varied(3000)}`);
    expect(text).toMatch(/3004\|.*fatal: disk is full/);
  });

  it('counts what it has no room for in lines, however often kinds come back', async () => {
    const kinds = Array.from(
      { length: 100 },
      (_, index) => `error: ${'abcdefghij'[index % 10]}${'klmnopqrst'[Math.floor(index / 10)]} is broken\n`,
    );
    const { text } = await of(`${varied(3000)}${kinds.join('').repeat(50)}${varied(3000)}`);
    const shown = text.split('\n').filter((row) => /\| error: /.test(row)).length;
    const more = [...text.matchAll(/\[(\d+) more like it/g)].reduce((sum, [, count]) => sum + Number(count), 0);
    const left = Number(/(\d+) more lines that look like errors are not shown/.exec(text)?.[1]);
    expect(shown + more + left).toBe(5000);
  });

  it('does not take good news, file names and flags for errors', async () => {
    const { text } = await of(
      `${varied(3000)}0 errors, 0 warnings\nsrc/errors.ts\ngcc -Werror -c error_log.c\nno failures\n${varied(3000)}`,
    );
    expect(text).not.toContain('look like errors');
  });

  it('counts repeated lines, and those that differ only in numbers when not all can be shown', async () => {
    expect((await of(`a\n${'same\n'.repeat(213)}b\n`)).text).toContain('same\n[the line above 212 more times, to line 214]\nb');
    const { text } = await of(`begin\n${numbered(5000)}end\n`);
    expect(text).toContain('2| line 1\n[4998 more lines like it, differing only in numbers, to line 5000]\n5001| line 5000\n5002| end');
    // Small output is shown as it is: numbers may be what it is about.
    expect((await of(numbered(50))).text).toContain('line 25\n');
  });

  it('groups errors of one kind and says how many there are', async () => {
    const { text } = await of(
      varied(3000) + Array.from({ length: 900 }, (_, index) => `ERROR: disk ${index + 1} is full\n${varied(3)}`).join('') + varied(3000),
    );
    expect(text).toMatch(/3001\| ERROR: disk 1 is full\n(?:.*\n)*?\[899 more like it, the last in line 6597\]/);
  });

  it('describes bytes that are no text', async () => {
    expect((await of(Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0x02, 0x01, 0, 0]))).text).toContain(
      '8 bytes, an ELF program, not shown; the first bytes are 7f 45 4c 46 02 01 00 00',
    );
    expect((await of(Buffer.alloc(100_000, 0xf5))).text).toContain('100000 bytes, binary');
  });

  it('stays bounded for endless lines, counts what is cut, and cuts at characters', async () => {
    const { text } = await of('é'.repeat(500_000));
    expect(text).toMatch(/é{500} \[\.\.\. 499500 more characters\]/);
    expect((await of(`${'x'.repeat(600_000)}\n`.repeat(3))).text).toContain('[... 599500 more characters]');
    const emoji = await of(`a${'😀'.repeat(400)}\n`);
    expect(emoji.text).not.toMatch(/[\ud800-\udbff](?![\udc00-\udfff])/);
  });

  it('of a channel up to a point stays the same while the channel grows, and as it was in a character', async () => {
    const channels = new MemoryChannels();
    const bytes = Buffer.from(`grün\n${varied(400_000)}`);
    channels.contents.set(1, bytes);
    const digests = channels.digests();
    const at = (end: number) => digests.digest({ entryId: 1, path: 'p', name: 'stdout', bytes: end }, MAX_BYTES);
    await store(digests, 1, bytes.subarray(0, 3), 0);
    expect((await at(3)).text).toMatch(/:\ngr$/);
    const early = bytes.subarray(0, 1_500_000);
    for (let offset = 3; offset < bytes.length; offset += 50_000) await store(digests, 1, bytes.subarray(offset, offset + 50_000), offset);
    expect(await at(early.length)).toEqual(
      await digestOf(early).then(({ text, ranges }) => ({ text: text.replaceAll('sh://turn_1/x_1', 'p'), ranges })),
    );
    expect((await at(3)).text).toMatch(/:\ngr$/);
  });

  it('{#context_record} names exactly the bytes that it quotes, whatever the output is', async () => {
    const line = fc.oneof(fc.string({ maxLength: 40 }), fc.constant('error: x'), fc.string({ unit: 'grapheme', maxLength: 40 }));
    await fc.assert(
      fc.asyncProperty(
        fc.array(line, { maxLength: 400 }),
        fc.boolean(),
        fc.integer({ min: 64, max: 1000 }),
        async (lines, open, maxBytes) => {
          const content = Buffer.from(lines.map((one) => one.replace(/[\u0000-\u001f\u007f]/g, '')).join('\n') + (open ? '' : '\n'));
          const { text, ranges } = await of(content, { maxBytes });
          let last = 0;
          for (const { from, to } of ranges) {
            expect(from).toBeGreaterThanOrEqual(last);
            expect(to).toBeGreaterThan(from);
            expect(to).toBeLessThanOrEqual(content.length);
            last = to;
          }
          const quoted = Buffer.concat(ranges.map(({ from, to }) => content.subarray(from, to))).toString();
          const all = content.toString('utf8').split('\n');
          if (!/; shown: /.test(text)) return;
          for (const row of text.split('\n').slice(1)) {
            const [, count, shown] = /^(\d+)\| ([^]*)$/.exec(row) ?? [];
            if (count === undefined) continue;
            expect(shown).toBe((all[Number(count) - 1] ?? '').trimEnd());
            expect(quoted).toContain(shown);
          }
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe('{#digest_screen} output is played', () => {
  it('so that carriage returns and erased lines leave what a terminal shows', async () => {
    expect((await of('10%\r50%\r100%\r\nok\n')).text).toMatch(/:\n100%\nok$/);
    expect((await of('a long status\rshort\u001b[K\nx\n')).text).toMatch(/:\nshort\nx$/);
    expect((await of('abcdef\rxy\nplain\r\n')).text).toMatch(/:\nxycdef\nplain$/);
    expect((await of('typo\b\bXY\n')).text).toMatch(/:\ntyXY$/);
    const bar = Array.from({ length: 5000 }, (_, index) => `\r\u001b[32m${'='.repeat(index % 50)}>\u001b[0m ${index + 1}/5000`).join('');
    const { text } = await of(`start\n${bar}\nend\n`);
    expect(text).toContain('5000/5000');
    expect(text.split('\n')).toHaveLength(4);
  });

  it('so that rows drawn again with the cursor moved up are there once', async () => {
    const rows = '\u001b[2A\u001b[2Ka: 2\n\u001b[2Kb: 2\n';
    expect((await of(`head\na: 1\nb: 1\n${rows.repeat(500)}tail\n`)).text).toMatch(/:.*\nhead\na: 2\nb: 2\ntail$/);
    expect((await of('one\ntwo\nthree\u001b[2F\u001b[1GONE\u001b[2B\n')).text).toContain('ONE\ntwo\nthree');
    expect((await of('x\u001b7 saved\u001b8!\u001b[K\n')).text).toMatch(/:\nx!$/);
  });

  it('with the width of the terminal: a status longer than a row takes several of its rows', async () => {
    const long = 'p'.repeat(100);
    expect((await of(`${long}\r\n\u001b[2A\u001b[Jdone\r\n`, { size: TERMINAL })).text).toMatch(/:\ndone$/);
  });

  it('shows the last picture of a full-screen program, and what came before and after', async () => {
    const frames = Array.from({ length: 50 }, (_, frame) => `\u001b[1;1Hframe ${frame}\u001b[K\u001b[3;5Hrow three`).join('');
    const { text } = await of(`before\n\u001b[?1049h${frames}\u001b[?1049lafter\n`, { size: TERMINAL });
    expect(text).toContain(
      'before\n[a full-screen program drew this, its last picture:]\nframe 49\n\n    row three\n[end of the picture]\nafter',
    );
    // Also while it is still there.
    expect((await of(`\u001b[?1049h${frames}`, { size: TERMINAL })).text).toContain('frame 49');
  });

  it('does not lose what a program without a terminal says it cleared', async () => {
    expect((await of('first results\n\u001b[2J\u001b[Hsecond results\n')).text).toMatch(/first results\n(?:\n)?second results/);
    expect((await of('first\r\n\u001b[2J\u001b[Hsecond\r\n', { size: TERMINAL })).text).not.toContain('first');
  });

  it('and an error that was written over or erased is kept, and said not to stand any more', async () => {
    const erasers = [
      '\rall is well, nothing to see here\n',
      '\u001b[2K\rok\n',
      '\u001b[1Gall is well, nothing to see here\n',
      '\u001b[5Gxxxxxxxxxxxxxxxxxxxxxxxxxxx\n',
      '\n\u001b[1A\u001b[2Kok\n',
      '\n\u001b[1A\u001b[Jok\n',
      '\u001b[1K\rok\n',
      '\r\u001b[40Pok\n',
      '\r\u001b[Kok\r\u001b[Kok\r\u001b[Kok\n',
    ];
    for (const size of [undefined, TERMINAL])
      for (const eraser of erasers)
        for (const [before, after] of [
          ['', ''],
          [varied(3000), varied(3000)],
        ] as const) {
          const { text } = await of(`${before}error: disk is full${eraser}${after}`, size ? { size } : {});
          expect(text, JSON.stringify(eraser)).toMatch(/\d\| error: disk is full\n\[the line above does not stand/);
        }
    // Drawn again it stands.
    const { text } = await of(`error: disk is full\n${'\u001b[1A\u001b[2Kerror: disk is full\n'.repeat(50)}`);
    expect(text).toMatch(/:.*\nerror: disk is full$/);
  });

  it('leaves control strings out, also those that never end, and survives any bytes', async () => {
    expect((await of('\u001b]0;title\u0007a\u001bP1$r\u001b\\b\u001b(Bc\u001b[?25ld\n')).text).toMatch(/:\nabcd$/);
    expect((await of(`\u001b]0;${'x'.repeat(10_000)}\nafter\n`)).text).toContain('after');
    // A title that was not ended must not take lines with it.
    expect((await of('\u001b]0;title\nerror: disk is full\n')).text).toMatch(/:.*\n\nerror: disk is full$/s);
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 3000 }), async (bytes) => {
        expect((await of(Buffer.from(bytes), { size: TERMINAL })).text).not.toContain('\u001b');
      }),
    );
  });
});

describe('{#digest_incremental} kept while output is stored', () => {
  const piece = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.constantFrom(
        'plain words here\n',
        'error: it broke\n',
        'item 12 of 90\n',
        'ünïcode → text\r\n',
        '\n',
        'FAIL a.test > b\n',
      ),
    },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        '\r',
        '50%\r',
        '\b',
        '\t',
        '\u001b[1A',
        '\u001b[2K',
        '\u001b[K',
        '\u001b[3D',
        '\u001b[2B',
        'no end ',
        '\u001b[31mred\u001b[0m\n',
        '\u001b[1mer\u001b[31mror\u001b[0m: in colours\r\n',
        '\u001b[0m',
      ),
    },
    {
      weight: 3,
      arbitrary: fc.constantFrom(
        '\r5% [=>  ]',
        '\r\u001b[32m50%\u001b[0m [====>      ]',
        '\r\u001b[K100%',
        '\r\u001b[2K\u001b[36m⠋\u001b[0m',
        'done\u001b[K\r',
        '██░░ é 7%\r',
        'retry: error 5\r',
        `\r${'='.repeat(90)}`,
      ),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        '\u001b[H',
        '\u001b[2J',
        '\u001b[J',
        '\u001b7',
        '\u001b8',
        '\u001b[?1049h',
        '\u001b[?1049l',
        '\u001b]0;t\u0007',
        '\u001bM',
        '\u001b[5;9H',
      ),
    },
    { weight: 1, arbitrary: fc.string({ maxLength: 30 }) },
  );

  /** Found by seed -45726413: a row that was written over in part, left, scrolled over and come back to. */
  const leftAndWrittenOver: [string[], number[], typeof TERMINAL, 300] = [
    [
      ...Array<string>(5).fill('plain words here\n'),
      '\u001b[1A',
      'error: it broke\n',
      'plain words here\n',
      'plain words here\n',
      '\u001b[H',
      'plain words here\n',
      'plain words here\n',
      '\r5% [=>  ]',
      '\u001b[2B',
      'done\u001b[K\r',
    ],
    [1],
    TERMINAL,
    300,
  ];

  it('a digest is the same however the output was cut into pieces', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(piece, { maxLength: 300, size: 'large' }),
        fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 20 }),
        fc.option(fc.constant(TERMINAL), { nil: undefined }),
        fc.constantFrom(300, 8192),
        async (parts, pieces, size, maxBytes) => {
          const bytes = Buffer.from(parts.join(''));
          const options = { maxBytes, ...(size ? { size } : {}) };
          expect(await digestOf(bytes, { ...options, pieces })).toEqual(await digestOf(bytes, { ...options, pieces: [1_000_000] }));
        },
      ),
      { numRuns: 100, examples: [leftAndWrittenOver] },
    );
  });

  it('a digest that is made after a restart is the one from before', async () => {
    const bytes = Buffer.from(`${varied(100_000)}fatal: torn\n${varied(100_000)}`);
    const before = await digestOf(bytes);
    const channels = new MemoryChannels();
    channels.contents.set(1, bytes);
    const restarted = channels.digests();
    const ask = () => restarted.digest({ entryId: 1, path: 'sh://turn_1/x_1', name: 'stdout', bytes: bytes.length }, MAX_BYTES);
    expect(await ask()).toEqual(before);
    channels.bytesRead = 0;
    await ask();
    expect(channels.bytesRead).toBe(0);
  });

  it('is asked for without reading the channel again, but for its ends', async () => {
    const channels = new MemoryChannels();
    const bytes = Buffer.from(varied(1_000_000));
    channels.contents.set(1, bytes);
    const digests = channels.digests();
    for (let at = 0; at < bytes.length; at += 65_536) await store(digests, 1, bytes.subarray(at, at + 65_536), at);
    channels.bytesRead = 0;
    await digests.digest({ entryId: 1, path: 'p', name: 'stdout', bytes: bytes.length }, MAX_BYTES);
    expect(channels.bytesRead).toBeLessThan(2 * 1024 * 1024);
  });

  it('what is stored is played on later turns: whoever stores does not wait, and everything else has its turn between', async () => {
    const channels = new MemoryChannels();
    const bytes = Buffer.from(`\u001b[1A\r${'x'.repeat(70)}\n`.repeat(100_000));
    channels.contents.set(1, bytes);
    const digests = channels.digests();
    digests.stored(1, bytes.length, 0);
    expect(channels.bytesRead).toBe(0);
    let turns = 0;
    for (; channels.bytesRead < bytes.length && turns < 100_000; turns++) await new Promise((resolve) => setImmediate(resolve));
    expect(channels.bytesRead).toBeGreaterThanOrEqual(bytes.length);
    expect(turns).toBeGreaterThan(4);
  });

  it('a channel that cannot be read or is deleted meanwhile hurts nobody', async () => {
    const channels = new MemoryChannels();
    const told: unknown[] = [];
    const broken = {
      ...channels.store,
      read: () => {
        throw new Error('the disk is gone');
      },
    };
    const digests = new Digests({ channels: broken, sizeOf: () => undefined, failed: (error) => told.push(error) });
    await store(digests, 1, Buffer.from('one\n'), 0);
    expect(told).toEqual([new Error('the disk is gone')]);
    const gone = channels.digests();
    await store(gone, 1, Buffer.from('one\n'), 0);
    const start = performance.now();
    expect((await gone.digest({ entryId: 1, path: 'p', name: 'stdout', bytes: 4 }, MAX_BYTES)).text).toContain('p (stdout)');
    expect(performance.now() - start).toBeLessThan(1000);
  });

  it('goes on after bytes that it missed, and forgets a channel whose number is given to another', async () => {
    const channels = new MemoryChannels();
    const bytes = Buffer.from('one\nerror: two\nthree\n');
    channels.contents.set(1, bytes);
    const digests = channels.digests();
    const ask = () => digests.digest({ entryId: 1, path: 'p', name: 'stdout', bytes: bytes.length }, MAX_BYTES);
    await store(digests, 1, bytes.subarray(0, 4), 0);
    await store(digests, 1, bytes.subarray(15), 15);
    expect((await ask()).text).toContain('one\nerror: two\nthree');
    const other = Buffer.from('ONE\nerror: TWO\nTHREE\n');
    channels.contents.set(1, other);
    await store(digests, 1, other, 0);
    expect((await ask()).text).toContain('ONE\nerror: TWO\nTHREE');
  });

  it('says what was not searched when it may not play for that long, and gets further each time', async () => {
    const channels = new MemoryChannels();
    const bytes = Buffer.from(varied(400_000));
    channels.contents.set(1, bytes);
    const digests = channels.digests(undefined, 0);
    const ask = async (patienceMs?: number) =>
      (await digests.digest({ entryId: 1, path: 'p', name: 'stdout', bytes: bytes.length }, MAX_BYTES, patienceMs)).text;
    const from = (text: string) => Number(/bytes (\d+) to 3888890 have not been searched for errors/.exec(text)?.[1]);
    const first = await ask();
    expect(from(first)).toBeLessThan(128 * 1024);
    expect(first).toContain(`400000| ${varied(400_000).trimEnd().split('\n').at(-1)}`);
    // The time is up after one step.
    vi.spyOn(performance, 'now').mockReturnValueOnce(0).mockReturnValueOnce(0);
    expect(from(await ask(1))).toBeGreaterThan(1024 * 1024);
    expect(await ask(60_000)).not.toContain('not been searched');
  });

  it('of short output is whole however late it is, and of long output it costs its ends', async () => {
    const channels = new MemoryChannels();
    const short = Buffer.from(varied(100));
    const long = Buffer.from(varied(400_000));
    channels.contents.set(1, short).set(2, long);
    const digests = channels.digests();
    const late = (entryId: number, bytes: number) => digests.digest({ entryId, path: 'p', name: 'stdout', bytes }, MAX_BYTES, 0);
    expect((await late(1, short.length)).text).toBe(`p (stdout):\n${varied(100).trimEnd()}`);
    channels.bytesRead = 0;
    expect((await late(2, long.length)).text).toMatch(/bytes \d+ to \d+ have not been searched for errors/);
    expect(channels.bytesRead).toBeLessThan(128 * 1024);
  });
});
