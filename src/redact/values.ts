import { isSecretName, nameMatcher } from '../core/secret-names.ts';

/** Values shorter than this are no secrets that could be told from ordinary output. */
export const MIN_VALUE_BYTES = 8;
/** Of a longer value only the lines are known. */
const MAX_VALUE_BYTES = 8 * 1024;
/** A line of a value with several is one of its own from this length on. */
const LINE_BYTES = 16;
/** Names of where a secret is, not of what it is. */
const PLACE = /_(FILE|PATH|DIR|FOLDER|SOCK)$/i;

type Variables = Readonly<Record<string, string | undefined>>;

/** Values of the variables whose names stand for secrets, or fit one of `names` when it is given (SPEC {#redaction_env}). */
export function secretValues(variables: Variables, names?: readonly string[]): string[] {
  const matchers = names?.map(nameMatcher);
  const secret = matchers
    ? (name: string) => matchers.some((matches) => matches(name))
    : (name: string) => isSecretName(name) && !PLACE.test(name);
  return Object.entries(variables).flatMap(([name, value]) => (value !== undefined && secret(name) ? [value] : []));
}

/** The bytes by which a value is known in output: as it is, in base64 at each alignment, in a URL, in JSON, and its lines. */
export function formsOf(value: string): Buffer[] {
  const whole = value.trim();
  const lines = whole.includes('\n') ? whole.split(/\r?\n/).filter((line) => line.length >= LINE_BYTES && !/\s/.test(line)) : [];
  const forms = new Set<string>();
  for (const text of Buffer.byteLength(whole) <= MAX_VALUE_BYTES ? [whole, ...lines] : lines) {
    if (Buffer.byteLength(text) < MIN_VALUE_BYTES) continue;
    const url = encodeURIComponent(Buffer.from(text).toString());
    for (const form of [text, url, url.replaceAll(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()), JSON.stringify(text).slice(1, -1)])
      forms.add(form);
    for (const form of inBase64(Buffer.from(text))) forms.add(form);
  }
  return [...forms].map((form) => Buffer.from(form));
}

/** The characters of base64 that the bytes alone decide, with 0, 1 and 2 bytes before them, in both alphabets. */
function inBase64(bytes: Buffer): string[] {
  return [0, 1, 2].flatMap((before) => {
    const all = Buffer.concat([Buffer.alloc(before), bytes]);
    const from = Math.ceil((before * 8) / 6);
    const to = Math.floor((all.length * 8) / 6);
    return [all.toString('base64').slice(from, to), all.toString('base64url').slice(from, to)];
  });
}
