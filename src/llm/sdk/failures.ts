import { messageOf, systemCode } from '../../core/errors.ts';
import { ModelFailure } from '../../model/model-failure.ts';

const CONTEXT_TOO_LONG =
  /context.{0,20}(?:length|window|size)|maximum.{0,40}tokens|too many tokens|prompt is too long|input is too long|reduce the length|exceeds? the (?:available|model)/i;
/** 429 for an account that has no money left does not pass by waiting. */
const QUOTA = /insufficient_quota|exceeded your current quota|credit balance/i;
const MAX_DETAIL_CHARS = 500;

/** Whom a request went to, for the text of a failure. */
export interface Asked {
  readonly provider: string;
  readonly baseUrl: string;
  /** Left out of every text. */
  readonly apiKey: string | undefined;
}

/** What went wrong with a request to a model, in words that say what to do. */
export function failureOf(error: unknown, asked: Asked, now: number): ModelFailure {
  if (error instanceof ModelFailure) return error;
  const status = statusOf(error);
  if (status !== undefined && status >= 300) return httpFailure(error, status, asked, now);
  const network = networkCode(error);
  if (network !== undefined) {
    const message = `The provider "${asked.provider}" at ${asked.baseUrl} cannot be reached (${network}). Start it, or correct its address.`;
    return new ModelFailure('model_unreachable', message);
  }
  const said = wordsOf(error);
  if (CONTEXT_TOO_LONG.test(said)) return contextFailure(said, undefined, asked);
  const message = `The answer of the provider "${asked.provider}" broke off or made no sense: ${detail(said, asked)} Ask again.`;
  return new ModelFailure('model_cut', message);
}

/** True for what may well pass by itself. */
export function isPassing(failure: ModelFailure): boolean {
  const { outcome, httpStatus: status } = failure;
  if (outcome === 'model_unreachable') return true;
  if (outcome !== 'model_http' || status === undefined || QUOTA.test(failure.message)) return false;
  return status === 408 || status === 409 || status === 429 || status >= 500;
}

function httpFailure(error: unknown, status: number, asked: Asked, now: number): ModelFailure {
  const said = wordsOf(error);
  if (status === 413 || (status === 400 && CONTEXT_TOO_LONG.test(`${textOf(error, 'responseBody')} ${said}`)))
    return contextFailure(said, status, asked);
  const message = `The provider "${asked.provider}" at ${asked.baseUrl} returned ${status}: ${detail(said, asked)} ${nextStep(status, said)}`;
  const headers = (error as { responseHeaders?: Readonly<Record<string, string>> }).responseHeaders ?? {};
  return new ModelFailure('model_http', message, status, { retryAfterMs: retryAfterMs(headers, now) });
}

function nextStep(status: number, said: string): string {
  if (status < 400) return 'It redirects, which is not followed: name the right address.';
  if (status === 401 || status === 403) return 'Check the key in its environment variable.';
  if (status === 404) return 'Check the address and the name of the model.';
  if (QUOTA.test(said)) return 'Its account has nothing left; waiting does not help.';
  if (status === 429) return 'Its limit is reached; ask again later.';
  if (status >= 500) return 'Ask again later.';
  return 'Correct the request, or name another model.';
}

function contextFailure(said: string, status: number | undefined, asked: Asked): ModelFailure {
  const message = `The context is too long for the model: ${detail(said, asked)} Go on in a new run, or name a model with a longer context.`;
  return new ModelFailure('model_context', message, status);
}

/** Of an error of the SDK, or of one that came in the middle of a stream: there it is the provider's own object. */
function statusOf(error: unknown): number | undefined {
  const found = (error as { statusCode?: unknown } | null | undefined)?.statusCode;
  if (typeof found === 'number') return found;
  const type = textOf(error, 'type') || textOf(error, 'code');
  if (type === 'overloaded_error') return 529;
  if (type === 'rate_limit_error' || type === 'rate_limit_exceeded') return 429;
  return type === 'api_error' || type === 'server_error' ? 500 : undefined;
}

function wordsOf(error: unknown): string {
  if (error instanceof Error) return messageOf(error);
  const nested = (error as { error?: unknown } | null | undefined)?.error;
  return (
    textOf(error, 'message') || textOf(nested, 'message') || (typeof error === 'string' ? error : JSON.stringify(error)) || 'no reason'
  );
}

/** Why no connection came about; undefined when there was one. */
function networkCode(error: unknown): string | undefined {
  for (let at = error, depth = 0; at !== undefined && at !== null && depth < 5; at = (at as { cause?: unknown }).cause, depth++) {
    const code = systemCode(at);
    if (
      code &&
      /^(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT|CERT_|DEPTH_ZERO|ERR_TLS|ERR_INVALID_URL)/.test(
        code,
      )
    )
      return code;
  }
  return undefined;
}

function textOf(value: unknown, key: string): string {
  const found = (value as Record<string, unknown> | null | undefined)?.[key];
  return typeof found === 'string' ? found : '';
}

/** What the provider said, without the key, which some of them repeat. */
function detail(message: string, { apiKey }: Asked): string {
  const text = (apiKey ? message.replaceAll(apiKey, '[key]') : message).trim();
  const cut = text.length > MAX_DETAIL_CHARS ? `${text.slice(0, MAX_DETAIL_CHARS)} ...` : text;
  return /[.!?]$/.test(cut) ? cut : `${cut}.`;
}

/**
 * How long a provider asks to be left alone, milliseconds from `now`: `retry-after-ms`, or `retry-after` in seconds or
 * as an HTTP date (RFC 9110, 10.2.3). Undefined when it does not say, or nothing that can be read.
 */
function retryAfterMs(headers: Readonly<Record<string, string | undefined>>, now: number): number | undefined {
  const exact = amount(headers['retry-after-ms']);
  if (exact !== undefined) return exact;
  const given = headers['retry-after'];
  const seconds = amount(given);
  if (seconds !== undefined) return seconds * 1000;
  const date = given === undefined ? Number.NaN : Date.parse(given);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

function amount(text: string | undefined): number | undefined {
  return text !== undefined && /^\s*\d{1,15}(?:\.\d+)?\s*$/.test(text) ? Number(text) : undefined;
}
