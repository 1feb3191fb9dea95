/** Letters of Cyrillic, Greek and Armenian that look like one of ASCII in common fonts. */
const ALIKE = 'АВЕЅІЈКМНОРСТУХаеѕіјорсухԁԛԜԝһӏѵΑΒΕΖΗΙΚΜΝΟΡΤΥΧνορυικαϲϳհոսօցԼՍՏ';

const NAMES: Readonly<Record<string, string>> = { '\n': 'LF', '\r': 'CR', '\t': 'TAB', '\u001b': 'ESC' };

/**
 * What is not seen, turns the direction of writing, looks like a blank or is another form of a character of ASCII, and the two brackets that names of such stand in, so that no text
 * can be taken for a name. A variation selector makes no emoji of an ASCII character.
 */
const UNSEEN =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u00a0\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f\u27e8\u27e9\u2800\u3000\u3164\ud800-\udfff\ufeff\uff01-\uff5e\uffa0\ufff0-\ufffb\u{1d173}-\u{1d17a}\u{1d400}-\u{1d7ff}\u{e0000}-\u{e0fff}]|(?<=[\u0000-\u007f])[\ufe00-\ufe0f]/gu;

/** Blanks that put what is behind them out of sight. */
const MANY_BLANKS = /[ \t]{200,}/g;

/**
 * Text of the model or of a command line so that it shows as it is: two different texts never look the same, and what a person accepts is what
 * will run (SPEC {#proposals}). Lines and tabs stay; what is not seen is named, as in `⟨U+202E⟩`, and so are letters that look like those of ASCII
 * and many blanks in a row.
 */
export function visible(text: string): string {
  return nameLookAlikes(text.replace(UNSEEN, named), named).replace(MANY_BLANKS, counted);
}

/** The same on one line, which a line feed is named in too: `echo a⟨LF⟩rm b` is another text than `echo a\nrm b`. */
export function visibleLine(text: string): string {
  return visible(text).replace(/[\n\t]/g, named);
}

function named(character: string): string {
  return `⟨${NAMES[character] ?? `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`}⟩`;
}

/** `⟨SPACE×4096⟩` */
function counted(blanks: string): string {
  return blanks.replace(/ +|\t+/g, (run) => `⟨${run[0] === ' ' ? 'SPACE' : 'TAB'}×${run.length}⟩`);
}

const WORD = /[\p{L}\p{M}\p{N}_]+/gu;
const LETTER_OF_ASCII = /[A-Za-z]/;
const LIKE_ASCII = new RegExp(`[${ALIKE}]`, 'gu');
const ONLY_ALIKE = new RegExp(`^[0-9_${ALIKE}]+$`, 'u');
const EVIDENTLY_OTHER = new RegExp(`(?![A-Za-z${ALIKE}])\\p{L}`, 'u');

/**
 * `text` with letters named that a reader would take for letters of ASCII: in a word that has both, and in a word of nothing else where the whole
 * text has no letter that is evidently of another alphabet. So `привет` stays, and the Cyrillic `х` of `rm -rf х` does not (SPEC {#proposals}).
 */
function nameLookAlikes(text: string, named: (letter: string) => string): string {
  if (text.search(LIKE_ASCII) < 0) return text;
  const alone = !EVIDENTLY_OTHER.test(text);
  return text.replace(WORD, (word) =>
    LETTER_OF_ASCII.test(word) || (alone && ONLY_ALIKE.test(word)) ? word.replace(LIKE_ASCII, named) : word,
  );
}
