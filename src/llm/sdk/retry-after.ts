/**
 * How long a provider asks to be left alone, milliseconds from `now`: `retry-after-ms`, or `retry-after` in seconds or
 * as an HTTP date (RFC 9110, 10.2.3). Undefined when it does not say, or nothing that can be read.
 */
export function retryAfterMs(headers: Readonly<Record<string, string | undefined>>, now: number): number | undefined {
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
