import { scanWords } from '../core/bytes.ts';

/** How much a line matters: 0 a failure that names its place or ends something, 1 speaks of an error, 2 a warning. */
export type Rank = 0 | 1 | 2;
export const RANKS: readonly Rank[] = [0, 1, 2];

/**
 * First four bytes of what the expressions below look for, in lower case, in groups that are alike. Only lines that hold one
 * are looked at, so each expression has to contain one.
 */
scanWords([
  ['erro', 'err!', 'not ', 'no s'],
  ['fail', 'fata', 'kill', 'trac', 'warn'],
  ['pani', 'deni', 'refu'],
  ['exce', 'exit', 'imed'],
  ['unde', 'unab'],
  ['cann', 'conf', 'core'],
  ['segm', 'asse', 'abor'],
  ['✕ ', '✖ ', '✗ ', '✘ ', '❌ '],
]);
const HOLDS =
  /erro|err!|not |no s|fail|fata|kill|pani|deni|refu|exce|exit|imed|trac|warn|cann|unde|unab|conf|segm|asse|abor|core|✕ |✖ |✗ |✘ |❌ /i;

/** Not the name of a file, a flag or an identifier: `errors.ts`, `-Werror`, `on_error`. */
const word = (words: string) => `(?<![\\w./-])(?:${words})(?![\\w-]|[./]\\w)`;

const FAILURES: readonly RegExp[] = [
  /\b(?:fatal error|fatal:|panicked at|traceback \(most|segmentation fault|undefined reference|core dumped|assertion failed)/i,
  new RegExp(word('FAIL|FAILED|FAILURE|FATAL|PANIC|CRITICAL ERROR|AssertionError|Exception in thread')),
  /^\s*not ok \d/,
  /(?:^|[\s'"[(])(?:Uncaught )?[\w.$]*(?:Error|Exception)(?: \[\w+\])?(?::| was thrown)/,
  /\bnpm (?:ERR!|error)/,
  /\bexit(?:ed)?(?: with)?(?:[ _]?code|[ _]?status)?[ :=]+[1-9]\d*\b/i,
  /[:(]\d+(?:[:,]\d+)?\)?:? +(?:- )?(?:fatal )?error\b/,
  /^\s*(?:error(?:\[\w+\])?:|E: |make(?:\[\d+\])?: \*\*\*)/,
  /^\s*[✕✖✗✘❌] /,
];
const ERROR = new RegExp(
  word(
    "errors?|err!|fail(?:ed|s|ure|ures|ing)?|fatal|panic|exceptions?|denied|cannot|can not|could not|couldn't|refused|timed out|no such|not found|killed|aborted|unable to|conflict",
  ),
  'i',
);
const WARNING = new RegExp(word('warn(?:ing|ings)?|deprecated'), 'i');
/** "0 errors", "no failures", "failed: 0": good news. */
const NONE =
  /\b(?:0|no|without(?: any)?|zero) +(?:new )?(?:errors?|failures?|failed|exceptions?|warnings?)\b|\b(?:errors?|failures?|failed|warnings?)[:=] *0\b/gi;

/** What rank a line has; undefined for the ordinary ones. */
export function rankOf(text: string): Rank | undefined {
  if (!HOLDS.test(text)) return undefined;
  const told = text.replace(NONE, '');
  if (FAILURES.some((expression) => expression.test(told))) return 0;
  if (ERROR.test(told)) return 1;
  return WARNING.test(told) ? 2 : undefined;
}

/** Where in a text begins what makes it look like an error, as far as one word tells; 0 when none does by itself. */
export function errorPlace(text: string): number {
  const told = text.replace(NONE, (good) => ' '.repeat(good.length));
  const places = [...FAILURES, ERROR, WARNING].map((expression) => told.search(expression)).filter((place) => place >= 0);
  return places[0] ?? 0;
}

const VARIABLE = /0x[\da-f]+|\b[\da-f]{7,}\b|\d+/gi;
const TEMPLATE_CHARS = 200;

/** What is left of a line when its numbers, times and hashes are taken out: lines of one template differ in nothing else. */
export function templateOf(text: string): string {
  return text.slice(0, TEMPLATE_CHARS).replace(VARIABLE, '0');
}
