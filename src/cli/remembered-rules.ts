import type { RulesToRemember } from '../rpc/client/index.ts';
import { visibleLine } from './text.ts';

/** A line for each rule, whole: what a person agrees to is what is written. */
export function ruleLines({ accept, reject }: RulesToRemember): string[] {
  return [
    ...accept.map((rule) => `  m, for all that follows: allow ${visibleLine(rule)}`),
    ...reject.map((rule) => `  f, for all that follows: deny ${visibleLine(rule)}`),
  ];
}

/** The keys that answer a proposal. */
export function answerKeys(question: boolean, { accept, reject }: RulesToRemember): string {
  const keys = [
    question ? 'a answer' : 'a accept',
    'r reject',
    ...(accept.length > 0 ? ['m accept and remember'] : []),
    ...(reject.length > 0 ? ['f reject and remember'] : []),
    'q leave',
  ];
  return keys.join('   ');
}
