import { PassThrough } from 'node:stream';
import pc from 'picocolors';
import { describe, expect, it } from 'vitest';
import { ByteSink } from '../../../src/cli/byte-sink.ts';
import { DrawnWords } from '../../../src/cli/live-words.ts';
import { Screen } from '../../../src/cli/screen.ts';

function wordsOn(isTTY: boolean) {
  const stream = Object.assign(new PassThrough(), { isTTY });
  const screen = new Screen(new ByteSink(stream), pc.createColors(false));
  const words = new DrawnWords(screen);
  let offset = 0;
  return {
    screen,
    words,
    shown: () => (stream.read() as Buffer | null)?.toString() ?? '',
    async say(text: string, turn = 1, at?: number) {
      offset = at ?? offset;
      await words.take({ run: 'r-1', turn, offset, text });
      offset += Buffer.byteLength(text);
    },
  };
}

describe('{#cli_act} what a model says while it says it', () => {
  it('is drawn piece by piece on a terminal, and the whole text is not drawn again', async () => {
    const { say, words, shown } = wordsOn(true);
    await say('\n I lo');
    expect(shown()).toBe('I lo');
    await say('ok… ');
    await say('\n\naround.\n');
    expect(shown()).toBe('ok… \n\naround.');
    expect(words.drew('I look… \n\naround.')).toBe(true);
    expect(shown()).toBe('\n');
  });

  it('draws nothing elsewhere', async () => {
    const { say, words, shown } = wordsOn(false);
    await say('I look.');
    expect(words.drew('I look.')).toBe(false);
    expect(shown()).toBe('');
  });

  it('leaves the text to whoever draws it whole when a piece was missed or it was told again', async () => {
    const { say, words, shown } = wordsOn(true);
    await say('one ');
    await say('three', 1, 8);
    expect(words.drew('one two three')).toBe(false);
    expect(shown()).toBe('one\n');
    await say('half an', 2, 0);
    await say('Whole.', 2, 0);
    expect(shown()).toBe('half an\nWhole.');
    expect(words.drew('Whole.')).toBe(true);
  });

  it('goes on in a line of its own after something else was drawn, and lets no control characters through', async () => {
    const { say, screen, shown } = wordsOn(true);
    await say('I lo\u001b[2J');
    screen.line('  accepted');
    await say('ok\u0007.');
    expect(shown()).toBe('I lo\n  accepted\nok.');
  });
});
