import { isLeftover, isLive, type Step } from '../../rpc/client/index.ts';
import { type Row, span } from './rows.ts';

/** Keys and what they do, as `?` shows them. */
const HELP: readonly (readonly [string, string])[] = [
  ['up down k j', 'go to another row of the timeline; in opened details: scroll'],
  ['g G', 'the first, the last'],
  ['Enter Esc', 'open the details, close them'],
  ['PgUp PgDn', 'back and forth in details and output; PgDn at the end follows again'],
  ['/ n N', 'search in the output by a regular expression, next, previous'],
  ['Tab', 'the next channel of the output'],
  ['a', 'accept the proposal, answer the question'],
  ['r', 'reject, with a reason if you like'],
  ['m f', 'accept, reject, and remember the rules that are shown'],
  ['c', 'cancel the selected command, or what it left running, else the newest'],
  ['s', 'send it a signal'],
  ['i', 'type into it; Ctrl-] leaves a terminal, Esc a line'],
  ['I', 'type a secret into it'],
  ['R', 'what a cancel did: signals, processes that are gone'],
  ['p', 'prompt; while the model is at work: tell it something'],
  ['Ctrl-C', 'cancel the running command; again, or where none runs: leave'],
  ['Ctrl-Z Ctrl-L', 'stop this program, draw again'],
  ['q', 'leave; commands go on'],
];

/** The help as rows. */
export function helpRows(): Row[] {
  return HELP.map(([keys, what]) => [span(keys.padEnd(14), 'bold'), span(what)]);
}

/**
 * The keys that matter now, the most urgent first, since a narrow terminal cuts the rest. `answers`: a proposal takes answers now;
 * `mayAct`: false for a token that may only look.
 */
export function keyBar(selected: Step | undefined, isOpen: boolean, { answers, mayAct }: { answers: boolean; mayAct: boolean }): Row {
  const pairs = mayAct ? actingKeys(selected, answers) : [];
  if (selected?.receipt === undefined && selected?.state === 'cancelled') pairs.push(['R', 'receipt']);
  if (selected && selected.channels.length > 0) pairs.push(['PgUp', 'scroll'], ['/', 'search']);
  pairs.push(['Enter', isOpen ? 'close' : 'open'], ...(mayAct ? ([['p', 'prompt']] as const) : []), ['?', 'keys'], ['q', 'leave']);
  return pairs.flatMap(([key, what]) => [span(` ${key} `, 'bold'), span(`${what} `, 'dim')]);
}

/** Those that answer, end or type into what is selected. */
function actingKeys(selected: Step | undefined, answers: boolean): (readonly [string, string])[] {
  const pairs: (readonly [string, string])[] = [];
  if (selected?.state === 'proposed' && answers) {
    const { accept, reject } = selected.action.rules;
    pairs.push(['a', selected.action.question ? 'answer' : 'accept'], ['r', 'reject']);
    if (accept.length > 0) pairs.push(['m', 'accept and remember']);
    if (reject.length > 0) pairs.push(['f', 'reject and remember']);
  } else if (selected && isLive(selected))
    pairs.push(['c', 'cancel'], ...(selected.takesInput ? ([['i', 'input']] as const) : []), ['s', 'signal']);
  else if (selected && isLeftover(selected)) pairs.push(['c', 'cancel what it left'], ['s', 'signal']);
  return pairs;
}
