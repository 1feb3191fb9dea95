import { shellQuote } from '../../core/shell-quote.ts';
import type { Word } from './command.ts';
import { firstOperand, type OptionSpec } from './options.ts';

/** A program that runs the command it is given and adds nothing to it. */
interface Wrapper extends OptionSpec {
  /** Words of its own before the command, such as how long `timeout` waits. */
  readonly own?: number;
  /** `NAME=value` words come first. */
  readonly assignments?: true;
  /** It runs the command as another user: a rule has to name it. */
  readonly named?: true;
}

const WRAPPERS: Readonly<Record<string, Wrapper>> = {
  nohup: {},
  setsid: { flags: 'cfw', longFlags: ['ctty', 'fork', 'wait'] },
  nice: { valued: 'n', longValued: ['adjustment'], numeric: true },
  ionice: { flags: 't', valued: 'cn', longFlags: ['ignore'], longValued: ['class', 'classdata'] },
  timeout: {
    flags: 'v',
    valued: 'ks',
    longFlags: ['foreground', 'preserve-status', 'verbose'],
    longValued: ['kill-after', 'signal'],
    own: 1,
  },
  stdbuf: { valued: 'ioe', longValued: ['input', 'output', 'error'] },
  env: { flags: 'i', valued: 'u', longFlags: ['ignore-environment'], longValued: ['unset'], assignments: true },
  time: { flags: 'p', longFlags: ['portability'] },
  command: { flags: 'p' },
  exec: { flags: 'cl', valued: 'a' },
  builtin: {},
  busybox: {},
  toybox: {},
  sudo: {
    flags: 'EnHSkbPA',
    valued: 'ugp',
    longFlags: ['preserve-env', 'non-interactive', 'set-home', 'stdin'],
    longValued: ['user', 'group', 'prompt'],
    assignments: true,
    named: true,
  },
  doas: { flags: 'n', valued: 'u', named: true },
};

export interface Wrapped {
  readonly words: readonly Word[];
  readonly assigned: readonly string[];
  readonly named: boolean;
}

/**
 * The command that a wrapper runs: `none` where it runs none, `unknown` where its options are not known, undefined for a command that is no
 * wrapper.
 */
export function wrappedBy(name: string, words: readonly Word[]): Wrapped | 'none' | 'unknown' | undefined {
  const spec = Object.hasOwn(WRAPPERS, name) ? WRAPPERS[name] : undefined;
  if (!spec) return undefined;
  if (name === 'command' && /^-[pvV]*[vV][pvV]*$/.test(words[1]?.text ?? '')) return 'none';
  let at = firstOperand(words, spec);
  if (at === undefined || !words.slice(at, at + (spec.own ?? 0)).every(({ literal }) => literal)) return 'unknown';
  at += spec.own ?? 0;
  const assigned: string[] = [];
  if (spec.assignments) {
    for (; at < words.length; at++) {
      const word = words[at];
      if (!word?.literal) break;
      if (!/^[^=]+=/.test(word.text)) break;
      assigned.push(shellQuote(word.text));
    }
  }
  const inner = words.slice(at);
  return inner.length === 0 ? 'none' : { words: inner, assigned, named: spec.named === true };
}
