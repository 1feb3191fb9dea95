import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PLAYED_BYTES, type Played, play, type ScreenPicture } from '../../../src/screen/index.ts';
import { Screen } from '../../../src/screen/screen.mjs';

const SIZE = { cols: 40, rows: 10 };
const ESC = '\x1b';

function output(bytes: Uint8Array, piece = Number.POSITIVE_INFINITY): Played {
  return { bytes: bytes.length, read: (offset, maxBytes) => bytes.subarray(offset, offset + Math.min(maxBytes, piece)) };
}

const linesOf = ({ text }: ScreenPicture): string[] => text.rows(1, text.length).split('\n').slice(0, -1);

async function redrawn(replay: Uint8Array, size = SIZE): Promise<Screen> {
  const screen = new Screen(size);
  await screen.write(replay);
  return screen;
}

describe('{#screen} what a terminal shows', () => {
  test('is the text of its rows, those above the screen included, without colours', async () => {
    const lines = Array.from({ length: 30 }, (_, i) => `${ESC}[3${i % 8}mline ${i}${ESC}[0m   \r\n`).join('');
    const picture = await play(output(Buffer.from(`${lines}progress 1%\rprogress 100%`)), SIZE);
    expect(linesOf(picture)).toEqual([...Array.from({ length: 30 }, (_, i) => `line ${i}`), 'progress 100%']);
    expect(picture).toMatchObject({ from: 0, to: lines.length + 25, cursor: { col: 13, row: 9 }, alternate: false, ...SIZE });
  });

  test('is drawn again by its replay: text, cursor, full-screen program, and what comes afterwards', async () => {
    const parts = ['shell $ vi\r\n', `${ESC}[?1049h${ESC}[2J${ESC}[3;5H${ESC}[1;44mhello`, `${ESC}[0m${ESC}[?1h`];
    const picture = await play(output(Buffer.from(parts.join(''))), SIZE);
    const again = await redrawn(picture.replay);
    const direct = await redrawn(Buffer.from(parts.join('')));
    for (const screen of [again, direct]) await screen.write(Buffer.from(` world${ESC}[?1049lback`));
    expect(again.visible()).toEqual(direct.visible());
    expect(again.cursor).toEqual(direct.cursor);
    expect(again.visible()[0]).toBe('shell $ vi');
    expect(picture.alternate).toBe(true);
    for (const screen of [again, direct]) screen.dispose();
  });

  test('is the same however its bytes are cut, and the same when it is drawn from its replay', async () => {
    const text = fc.stringMatching(/^[a-z ü€😀]{0,12}$/u);
    const move = fc.tuple(fc.integer({ min: 1, max: 10 }), fc.integer({ min: 1, max: 40 })).map(([row, col]) => `${ESC}[${row};${col}H`);
    const style = fc.constantFrom(
      `${ESC}[1m`,
      `${ESC}[31m`,
      `${ESC}[0m`,
      `${ESC}[K`,
      '\r\n',
      '\b',
      '\t',
      `${ESC}[?6h`,
      `${ESC}[?1049h`,
      `${ESC}[?1049l`,
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(text, move, style), { maxLength: 40 }), fc.integer({ min: 1, max: 7 }), async (parts, piece) => {
        const bytes = Buffer.from(parts.join(''));
        const [whole, cut] = [await play(output(bytes), SIZE), await play(output(bytes, piece), SIZE)];
        expect({ ...cut, text: linesOf(cut) }).toEqual({ ...whole, text: linesOf(whole) });
        const again = await redrawn(whole.replay);
        expect([again.text(), again.cursor]).toEqual([linesOf(whole), whole.cursor]);
        again.dispose();
      }),
      { numRuns: 60 },
    );
  });

  test('plays at most the last 8 MiB, from the beginning of a line, and says from where', async () => {
    const line = 'x'.repeat(99);
    const bytes = Buffer.from(`${line}\n`.repeat(PLAYED_BYTES / 100 + 1000));
    const picture = await play(output(bytes), { cols: 120, rows: 5 });
    expect(picture.from % 100).toBe(0);
    expect(picture.to - picture.from).toBeLessThanOrEqual(PLAYED_BYTES);
    expect(picture.to - picture.from).toBeGreaterThan(PLAYED_BYTES - 100);
    expect(picture.to).toBe(bytes.length);
  });

  test('can be given up, and the next picture is made all the same', async () => {
    const bytes = Buffer.from('x\n');
    const given = play(output(bytes), SIZE, AbortSignal.abort(new Error('no longer wanted')));
    await expect(given).rejects.toThrow('no longer wanted');
    expect(linesOf(await play(output(bytes), SIZE))).toEqual(['x']);
  });
});

describe('{#screen} a picture that is only read', () => {
  test('has no bytes that draw it, and one that is drawn has as many rows above the screen as have 200,000 cells', async () => {
    const bytes = Buffer.from(Array.from({ length: 9000 }, (_, i) => `line ${i}\r\n`).join(''));
    const size = { cols: 100, rows: 10 };
    const read = await play(output(bytes), size, undefined, { replay: false });
    expect([read.text.length, read.replay.length]).toEqual([9000, 0]);
    const drawn = await redrawn((await play(output(bytes), size)).replay, size);
    expect(drawn.text().length).toBe(2009);
    drawn.dispose();
  });
});
