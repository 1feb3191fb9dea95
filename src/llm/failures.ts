import { messageOf, systemCode } from '../core/errors.ts';
import { ModelFailure } from '../model/model-failure.ts';

const CONTEXT_TOO_LONG =
  /context.{0,20}(?:length|window|size)|maximum.{0,40}tokens|too many tokens|prompt is too long|reduce the length|exceeds? the (?:available|model)/i;
const MAX_DETAIL_CHARS = 500;

/** What went wrong with a request to a model, in words that say what to do. */
export function failureOf(error: unknown, provider: string, baseUrl: string): ModelFailure {
  if (error instanceof ModelFailure) return error;
  const cause = lastOf(error);
  const status = numberOf(cause, 'statusCode');
  if (status !== undefined && status >= 400) return httpFailure(cause, status, provider, baseUrl);
  const network = networkCode(cause);
  if (network !== undefined) {
    const message = `The provider "${provider}" at ${baseUrl} cannot be reached (${network}). Start it, or correct its address.`;
    return new ModelFailure('model_unreachable', message, undefined, { cause: error });
  }
  const message = `The answer of the provider "${provider}" broke off or made no sense: ${detail(messageOf(cause))} Ask again.`;
  return new ModelFailure('model_cut', message, undefined, { cause: error });
}

function httpFailure(cause: unknown, status: number, provider: string, baseUrl: string): ModelFailure {
  const said = `${textOf(cause, 'responseBody')} ${messageOf(cause)}`;
  if (status === 413 || (status === 400 && CONTEXT_TOO_LONG.test(said))) {
    const message = `The context is too long for the model: ${detail(messageOf(cause))} Go on in a new run, or name a model with a longer context.`;
    return new ModelFailure('model_context', message, status, { cause });
  }
  const what = `The provider "${provider}" at ${baseUrl} answered ${status}: ${detail(messageOf(cause))}`;
  const next =
    status === 401 || status === 403
      ? 'Check the key in its environment variable.'
      : status === 404
        ? 'Check the address and the name of the model.'
        : status === 429
          ? 'Its limit is reached; ask again later.'
          : status >= 500
            ? 'It was tried again in vain; ask again later.'
            : 'Correct the request, or name another model.';
  return new ModelFailure('model_http', `${what} ${next}`, status, { cause });
}

/** The SDK wraps the failures of all attempts into one. */
function lastOf(error: unknown): unknown {
  const last = (error as { lastError?: unknown } | null | undefined)?.lastError;
  return last === undefined ? error : lastOf(last);
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

function numberOf(value: unknown, key: string): number | undefined {
  const found = (value as Record<string, unknown> | null | undefined)?.[key];
  return typeof found === 'number' ? found : undefined;
}

function textOf(value: unknown, key: string): string {
  const found = (value as Record<string, unknown> | null | undefined)?.[key];
  return typeof found === 'string' ? found : '';
}

function detail(message: string): string {
  const text = message.trim();
  const cut = text.length > MAX_DETAIL_CHARS ? `${text.slice(0, MAX_DETAIL_CHARS)} ...` : text;
  return /[.!?]$/.test(cut) ? cut : `${cut}.`;
}
