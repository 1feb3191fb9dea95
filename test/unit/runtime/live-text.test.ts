import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Said } from '../../../src/model/said.ts';
import { LiveText } from '../../../src/runtime/live-text.ts';
import { rpcHarness } from '../../support/rpc-harness.ts';

const PLACE = { projectId: 1, run: 'r', turn: 1, madeWith: null };
const logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

function listening() {
  const live = new LiveText(logger);
  const heard: Said[] = [];
  live.on((said) => heard.push(said));
  return { live, heard };
}

describe('{#model_stream} the text of a turn', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('is told at most every 50 ms, and its end at once', () => {
    const { live, heard } = listening();
    const voice = live.turn(PLACE);
    voice.begin();
    for (const piece of ['a', 'b', 'c']) voice.say(piece);
    expect(heard).toEqual([]);
    vi.advanceTimersByTime(50);
    expect(heard.map(({ text }) => text)).toEqual(['abc']);
    voice.say('d');
    voice.end();
    expect(heard.map(({ offset, text }) => [offset, text])).toEqual([
      [0, 'abc'],
      [3, 'd'],
    ]);
    vi.advanceTimersByTime(1000);
    expect(heard).toHaveLength(2);
  });

  it('begins again at offset 0 when the answer does, without what had not been told', () => {
    const { live, heard } = listening();
    const voice = live.turn(PLACE);
    voice.begin();
    voice.say('half');
    voice.begin();
    voice.say('whole');
    voice.end();
    expect(heard).toMatchObject([{ offset: 0, text: 'whole' }]);
  });

  it('comes in whole characters, whatever the pieces and the times, each byte once', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.array(fc.integer({ min: 0, max: 80 }), { maxLength: 20 }), (text, waits) => {
        const { live, heard } = listening();
        const voice = live.turn(PLACE);
        voice.begin();
        for (let at = 0; at < text.length; at++) {
          voice.say(text.charAt(at));
          vi.advanceTimersByTime(waits[at % Math.max(1, waits.length)] ?? 0);
        }
        voice.end();
        let bytes = 0;
        for (const said of heard) {
          expect(said.offset).toBe(bytes);
          expect(Buffer.from(said.text).toString()).toBe(said.text);
          bytes += Buffer.byteLength(said.text);
        }
        expect(heard.map((said) => said.text).join('')).toBe(text);
      }),
    );
  });

  it('reaches everybody although one listener throws', () => {
    const live = new LiveText(logger);
    const heard: string[] = [];
    live.on(() => {
      throw new Error('no');
    });
    const stop = live.on(({ text }) => heard.push(text));
    const voice = live.turn(PLACE);
    voice.say('a');
    voice.end();
    stop();
    voice.say('b');
    voice.end();
    expect(heard).toEqual(['a']);
  });
});

describe('{#model_stream} over a connection', () => {
  it('is told to connections of the project alone, and in place of a slow one nothing piles up', async () => {
    const live = new LiveText(logger);
    const base = await rpcHarness();
    await base.close();
    const h = await rpcHarness({
      runtime: Object.assign(Object.create(base.runtime) as typeof base.runtime, {
        onText: (listener: (said: Said) => void) => live.on(listener),
      }),
    });
    const near = await h.join();
    const slow = await h.join();
    const stranger = h.connect();
    slow.stall();
    const piece = 'x'.repeat(256 * 1024);
    const voice = live.turn({ projectId: h.project.id, run: 'r', turn: 1, madeWith: null });
    for (let count = 0; count < 100; count++) {
      voice.say(piece);
      voice.end();
      const offset = count * piece.length;
      await near.until(({ method, params }) => method === 'run/text' && params?.['offset'] === offset);
    }
    slow.goOn();
    h.tell('the end');
    await slow.until(({ method }) => method === 'ui/notify');
    const got = slow.notices('run/text');
    expect(got.length).toBeLessThan(100);
    expect(near.notices('run/text')).toHaveLength(100);
    expect(stranger.notices('run/text')).toEqual([]);
    await h.close();
  });
});
