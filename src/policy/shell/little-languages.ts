import type { Word } from './command.ts';
import { firstOperand } from './options.ts';

/** Scripts of sed that only print, delete and replace: addresses, `p`, `d`, `q`, `=`, and `s` without the flags e and w. */
const SED_STEP =
  /^\s*(?:(?:\d+|\$|\/(?:[^/\\\n]|\\.)*\/)(?:,\s*(?:\+?\d+|\$|\/(?:[^/\\\n]|\\.)*\/))?\s*!?\s*)?(?:[pdq=]|s([/|,#:@])(?:(?!\1)[^\\\n]|\\.)*\1(?:(?!\1)[^\\\n]|\\.)*\1[gpiI0-9]*)?\s*$/;

/** True for a script of sed that runs nothing, and reads and writes no file of its own. */
export function isPlainSed(script: string): boolean {
  return script.length <= 1000 && script.split(/[;\n]/).every((step) => SED_STEP.test(step));
}

/** Why a call of sed may do more than edit what it reads. */
export function sedDanger(args: readonly Word[]): string | undefined {
  const why = 'the script of sed may run a command or write a file';
  const words = [{ text: 'sed', literal: true }, ...args];
  if (args.some((word) => word.literal && /^(-[A-Za-z]*[fe]|--[fe])/.test(word.text))) return why;
  const at = firstOperand(words, {
    flags: 'nErsuz',
    valued: 'l',
    longFlags: ['quiet', 'silent', 'regexp-extended', 'in-place'],
    longValued: ['in-place'],
  });
  const inPlace = at ?? firstOperand(words, { flags: 'nErsuzi' });
  const script = inPlace === undefined ? undefined : words[inPlace];
  return script?.literal && isPlainSed(script.text) ? undefined : why;
}

/** Why a call of awk may do more than read. */
export function awkDanger(args: readonly Word[]): string | undefined {
  const at = firstOperand([{ text: 'awk', literal: true }, ...args], { valued: 'Fv', longValued: ['field-separator', 'assign'] });
  const program = at === undefined ? undefined : args[at - 1];
  const plain =
    program?.literal && !/system|getline|[|>@]|\bprintf?\s*\(?[^;}]*&|close|load|namespace/.test(program.text.replaceAll('||', ''));
  return plain ? undefined : 'the program of awk may run a command or write a file';
}
