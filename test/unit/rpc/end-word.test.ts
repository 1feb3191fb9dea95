import { describe, expect, it } from 'vitest';
import { endWord } from '../../../src/rpc/client/index.ts';
import { END_WORDS } from '../../support/end-words.ts';

describe('{#end_words} how an action ended', () => {
  it.each(END_WORDS)('%j is "%s"', (ending, word) => {
    expect(endWord(ending)).toBe(word);
  });
});
