import type { Word } from './command.ts';
import { firstOperand } from './options.ts';

/**
 * A regular expression of sed between two delimiters `d`. Some versions of sed end it at a delimiter within `[ ]`, others do not. Here each
 * `[` has its `]` before the next delimiter, so all versions find the same end.
 */
const pattern = (d: string) => String.raw`(?:[^${d}\\\n[]|\\[^\n]|\[(?:\^(?:\]|(?!\]))|\]|(?![\^\]]))(?:[^${d}\][\\\n]|\[:[a-z]+:\])*\])*`;
const replacement = (d: string) => String.raw`(?:[^${d}\\\n]|\\[^\n])*`;
const ADDRESS = String.raw`(?:\d+(?:~\d+)?|\$|/${pattern('/')}/I?)`;
const REPLACES = ['/', '|', ',', '#', ':', '@'].map((d) => {
  const sign = d === '|' ? '\\|' : d;
  return `s${sign}${pattern(sign)}${sign}${replacement(sign)}${sign}[gpiI0-9]*`;
});
/** Steps of sed that only print, delete and replace: addresses, `p`, `d`, `q`, `=`, and `s` without the flags e and w. */
const SED_STEP = new RegExp(
  String.raw`[ \t]*(?:(?:${ADDRESS}(?:,[ \t]*(?:[+~]?\d+|${ADDRESS}))?[ \t]*!?[ \t]*)?(?:[pdq=]|${REPLACES.join('|')}))?[ \t]*(?:[;\n]|$)`,
  'y',
);

/**
 * True for a script of sed that runs no command and names no file to read or write. The script is parsed from its beginning to its end, as
 * sed does.
 */
export function isPlainSed(script: string): boolean {
  if (script.length > 1000) return false;
  SED_STEP.lastIndex = 0;
  while (SED_STEP.lastIndex < script.length) if (!SED_STEP.test(script)) return false;
  return true;
}

/** Why a call of sed may do more than edit its input; undefined when it cannot. */
export function sedDanger(args: readonly Word[]): string | undefined {
  const why = 'the script of sed may run a command or write a file';
  const words = [{ text: 'sed', literal: true }, ...args];
  if (args.some((word) => word.literal && /^(-[A-Za-z]*[fe]|--[fe])/.test(word.text))) return why;
  const at = firstOperand(words, {
    flags: 'nErsuz',
    valued: 'l',
    longFlags: ['quiet', 'silent', 'regexp-extended', 'in-place'],
  });
  const inPlace = at ?? firstOperand(words, { flags: 'nErsuzi' });
  const script = inPlace === undefined ? undefined : words[inPlace];
  return script?.literal && isPlainSed(script.text) ? undefined : why;
}

/** Why a call of awk may do more than read its input; undefined when it cannot. */
export function awkDanger(args: readonly Word[]): string | undefined {
  const at = firstOperand([{ text: 'awk', literal: true }, ...args], { valued: 'Fv', longValued: ['field-separator', 'assign'] });
  const program = at === undefined ? undefined : args[at - 1];
  const plain =
    program?.literal && !/\\\n|system|getline|[|>@]|\bprintf?\s*\(?[^;}]*&|close|load|namespace/.test(program.text.replaceAll('||', ''));
  return plain ? undefined : 'the program of awk may run a command or write a file';
}
