/** Letters of Cyrillic, Greek and Armenian that look like one of ASCII in common fonts. */
const ALIKE = 'АВЕЅІЈКМНОРСТУХаеѕіјорсухԁԛԜԝһӏѵΑΒΕΖΗΙΚΜΝΟΡΤΥΧνορυικαϲϳհոսօցԼՍՏ';

const WORD = /[\p{L}\p{M}\p{N}_]+/gu;
const LETTER_OF_ASCII = /[A-Za-z]/;
const LIKE_ASCII = new RegExp(`[${ALIKE}]`, 'gu');
const ONLY_ALIKE = new RegExp(`^[0-9_${ALIKE}]+$`, 'u');
const EVIDENTLY_OTHER = new RegExp(`(?![A-Za-z${ALIKE}])\\p{L}`, 'u');

/**
 * `text` with letters named that somebody would take for letters of ASCII: in a word that has both, and in a word of nothing else where the whole
 * text has no letter that is evidently of another alphabet. So `привет` stays, and the Cyrillic `х` of `rm -rf х` does not (SPEC {#proposals}).
 */
export function nameLookAlikes(text: string, named: (letter: string) => string): string {
  if (text.search(LIKE_ASCII) < 0) return text;
  const alone = !EVIDENTLY_OTHER.test(text);
  return text.replace(WORD, (word) =>
    LETTER_OF_ASCII.test(word) || (alone && ONLY_ALIKE.test(word)) ? word.replace(LIKE_ASCII, named) : word,
  );
}
