import type { ModelRecord } from '../../model/records.ts';
import type { RuntimeParts } from '../parts.ts';
import type { TurnPlace } from './context.ts';
import { whole } from './reclaimed-note.ts';

/** Tokens of a limit that are left for the answer: an eighth, and not more than this. */
const ANSWER_TOKENS = 8192;
/** Share of what a provider refused that is tried when it does not say what it takes. */
const NEXT_TRY = 0.7;
/** Providers count in other units than we do: share of the limit they name that is tried. */
const NAMED_SHARE = 0.9;

/** How many tokens a packet may have. */
export interface Ceiling {
  /** The limit that it comes from. */
  readonly limit: number;
  /** The limit without the room for the answer. */
  readonly tokens: number;
}

/** The least of what the settings, the model and the provider's own refusals allow; undefined when none of them says (SPEC {#context_budget}). */
export function ceilingOf(parts: Pick<RuntimeParts, 'store'>, place: TurnPlace, model: ModelRecord): Ceiling | undefined {
  const limits = [place.settings.contextLimit, model.contextLength, learnedLimit(parts, place)];
  const known = limits.filter((limit) => typeof limit === 'number');
  if (known.length === 0) return undefined;
  const limit = Math.min(...known);
  return { limit, tokens: limit - Math.min(ANSWER_TOKENS, Math.floor(limit / 8)) };
}

/** What to aim at after a provider has refused `tokens` tokens (our count) with this message. */
export function ceilingAfterRefusal(message: string, tokens: number): Ceiling {
  const { limit: named, sent } = numbersOf(message);
  let limit = Math.floor(tokens * NEXT_TRY);
  if (named !== undefined && sent !== undefined) limit = Math.floor((tokens * named * NAMED_SHARE) / sent);
  else if (named !== undefined) limit = Math.min(Math.floor(named * NAMED_SHARE), limit);
  return { limit, tokens: limit };
}

/** Why a model is not asked: nothing is left that could be taken out. */
export function overBudget(tokens: number, { limit, tokens: ceiling }: Ceiling): string {
  const room = limit === ceiling ? '' : `, of which ${whole(limit - ceiling)} are left for the answer`;
  return `The context has ${whole(tokens)} tokens, over the limit of ${whole(limit)}${room}, and nothing more can be taken out of it. Go on in a new run, raise contextLimit, or name a model with a longer context.`;
}

/** A limit that a provider's refusal has taught in this run, of the same model. */
function learnedLimit({ store }: Pick<RuntimeParts, 'store'>, { run, loop }: TurnPlace): number | undefined {
  const learned = store.entries
    .list({ runId: run.id, statuses: [413], prefix: 'log://' })
    .filter(({ attributes }) => attributes['model'] === loop.model && typeof attributes['learned_limit'] === 'number')
    .map(({ attributes }) => Number(attributes['learned_limit']));
  return learned.length === 0 ? undefined : Math.min(...learned);
}

/** The limit and the length of the refused packet, as providers name them in their errors. */
function numbersOf(message: string): { limit?: number; sent?: number } {
  const text = message.replace(/(\d),(?=\d{3}\b)/g, '$1');
  const limit =
    /(?:context (?:length|window|size)|maximum|max_model_len|limit)[^\d]{0,40}(\d{3,9})/i.exec(text)?.[1] ??
    /(\d{3,9}) ?(?:tokens? )?(?:maximum|is the maximum|context)/i.exec(text)?.[1];
  const sent =
    /(?:requested|resulted in|prompt is too long:|you sent|has|contains|n_prompt_tokens[^\d]*)\D{0,20}(\d{3,9}) ?(?:tokens|>|,|\))?/i.exec(
      text,
    )?.[1];
  const found = { limit: Number(limit), sent: Number(sent) };
  const isSent = found.sent > found.limit;
  return { ...(limit === undefined ? {} : { limit: found.limit }), ...(isSent ? { sent: found.sent } : {}) };
}
