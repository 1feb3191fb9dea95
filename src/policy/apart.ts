import { AskedThread } from '../core/asked-thread.ts';
import { type Case, judge } from './judge.ts';
import type { Judgement } from './judgement.ts';
import { type GivenRule, readRules } from './rule.ts';
import { signsDoubt } from './shell/grammar.ts';
import { takingPlace } from './shell/take-place.ts';

/** What the thread is asked: what rules decide, or the line by which a command takes the place of its shell. */
export type ThreadQuestion =
  | { readonly kind: 'judge'; readonly one: Case; readonly rules: readonly GivenRule[] }
  | { readonly kind: 'place'; readonly text: string };
export type ThreadReply = { readonly judgement: Judgement } | { readonly line?: string };

/** What is no longer than this and has no more signs is judged where it is asked: a message to a thread takes longer. */
const SMALL_CHARS = 1024;
const SMALL_SIGNS = 64;
/** Rules beyond which nothing is, characters of all of them, and wildcards of each, which may take a regular expression long. */
const SMALL_RULES = 100;
const SMALL_RULES_CHARS = 8 * 1024;
const SMALL_WILDCARDS = 8;
/** What a sign weighs behind which a folder may have to be read. */
const GLOB_SIGNS = 8;
/** How long the thread may take for one line (milliseconds). */
const SILENCE_MS = 5000;
/** Memory of the thread (MiB). */
const MEMORY_MB = 256;

/** One thread for all servers of the process; a line that ends it costs the next one nothing but its start. */
const thread = new AskedThread<ThreadQuestion, ThreadReply>({
  module: new URL('./judge-worker.js', import.meta.url),
  worker: { name: 'judge', resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB } },
  silenceMs: SILENCE_MS,
  restartMs: 0,
});

/**
 * What rules decide on a proposal, as `judge` says it. What is not small is judged in a thread of its own (SPEC {#no_pause}); where that takes
 * too long people are asked.
 */
export async function judgeApart(one: Case, rules: readonly GivenRule[]): Promise<Judgement> {
  if (isSmallCase(one) && areFew(rules)) return await judge(one, readRules(rules));
  let why = 'there is no thread that reads it';
  const reply = await thread.ask({ kind: 'judge', one, rules }, ({ message }) => {
    why = message;
  });
  return reply && 'judgement' in reply ? reply.judgement : unread(one, rules, why);
}

/**
 * The line by which a command takes the place of its shell, as `takingPlace` makes it; undefined also where that takes too long, and for what has
 * more signs than a line that is judged.
 */
export async function takingPlaceApart(text: string): Promise<string | undefined> {
  if (signsDoubt(text) !== undefined) return undefined;
  if (isSmall([text])) return await takingPlace(text);
  const reply = await thread.ask({ kind: 'place', text });
  return reply && 'line' in reply ? reply.line : undefined;
}

/** What the thread did not read: rules that deny may be about it. */
function unread(one: Case, rules: readonly GivenRule[], why: string): Judgement {
  const reason = `it cannot be read: ${why}`;
  const text = (one.kind === 'shell' ? one.command : one.subjects.join(' ')).slice(0, 200);
  return {
    decision: 'ask',
    by: 'none',
    reason,
    commands: [{ text, decision: 'ask', reason }],
    remember: [],
    ...(rules.some(({ decision }) => decision === 'deny') ? { yoloAsks: true as const } : {}),
  };
}

function isSmallCase(one: Case): boolean {
  return isSmall(one.kind === 'shell' ? [one.command, ...(one.argv ?? []), ...one.doubts] : one.subjects);
}

function isSmall(texts: readonly string[]): boolean {
  if (texts.length > SMALL_SIGNS || texts.reduce((chars, { length }) => chars + length, 0) > SMALL_CHARS) return false;
  let signs = texts.length;
  for (const text of texts)
    for (const char of text) {
      if ('*?['.includes(char)) signs += GLOB_SIGNS;
      else if (' \n\t/|;&!()`<>$'.includes(char)) signs += 1;
    }
  return signs <= SMALL_SIGNS;
}

function areFew(rules: readonly GivenRule[]): boolean {
  if (rules.length > SMALL_RULES || rules.reduce((chars, { text }) => chars + text.length, 0) > SMALL_RULES_CHARS) return false;
  return rules.every(({ text }) => text.split(/[*?[{(!+@]/, SMALL_WILDCARDS + 1).length <= SMALL_WILDCARDS);
}
