import { type ByteClass, byteClass } from './byte-class.ts';
import { LOOKBEHIND_BYTES, type Shape, type ShapePart } from './shape.ts';

const ALNUM = byteClass('A-Za-z0-9');
const WORD = byteClass('A-Za-z0-9_');
const BASE64URL = byteClass('A-Za-z0-9_-');
const BASE64 = byteClass('A-Za-z0-9+/=');
const UPPER = byteClass('A-Z0-9');
const DASHED = byteClass('A-Za-z0-9-');
const BEARER = byteClass('A-Za-z0-9._~+/=-');
const BETWEEN = byteClass(' \\t"\'=:');
const QUOTE = byteClass('"\'');
/** A value in an assignment: neither a reference, nor code, nor a path to something else. */
const VALUE = byteClass('^\\s"\'`$<>(){}\\[\\];&|,\\\\\\x00-\\x1f');
/** What is between the ends of a key: base64 in lines, also escaped, quoted, numbered or in a diff, and RFC 1421 headers. */
const PEM = byteClass('A-Za-z0-9+/=\\\\\\s:,>|-');
const PEM_BYTES = 16 * 1024;

const some = (bytes: ByteClass, min: number, max: number): ShapePart => ({ kind: 'bytes', bytes, min, max });
const text = (value: string): ShapePart => ({ kind: 'text', text: Buffer.from(value) });
const not = (bytes: Uint8Array): ShapePart => ({ kind: 'not', bytes });

/** The end of a control sequence, also one that is spelled, or of what stands for a character in JSON, code and URLs: it looks like the end of a word. */
const ESCAPE = /(?:\[[0-?]{0,16}[A-Za-z]|\x1b[()][A-Z0-9]|\\[a-z0]|\\x[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}|%[0-9A-Fa-f]{2})$/;

/** The token does not go on to the left. */
function alone(bytes: Uint8Array, at: number, atStart: boolean): boolean {
  if (at === 0) return atStart;
  return WORD[bytes[at - 1] ?? 0] !== 1 || ESCAPE.test(textBefore(bytes, at, 20));
}

function textBefore(bytes: Uint8Array, at: number, most: number): string {
  const from = Math.max(0, at - most);
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, at - from).toString('latin1');
}

/** A token that is known by its length where no word goes on to the left of it. */
export function token(name: string, literals: readonly string[], bytes: ByteClass, min: number, max = 255): Shape {
  return { name, literals, before: alone, parts: [some(bytes, min, max)], secret: 0, needed: 1 };
}

/** A token that is known wherever it begins. */
function sure(name: string, literals: readonly string[], bytes: ByteClass, min: number, max = 255): Shape {
  return { name, literals, parts: [some(bytes, min, max)], secret: 0, needed: 1 };
}

/** A token of an exact length; a longer run of its characters is not a token. */
export function exact(name: string, literals: readonly string[], bytes: ByteClass, length: number, more: ByteClass = BASE64URL): Shape {
  return { name, literals, before: alone, parts: [some(bytes, length, length), not(more)], secret: 0, needed: 2 };
}

/** After `-----BEGIN `, on one line. */
function pemBegins(bytes: Uint8Array, at: number): boolean {
  return /-----BEGIN [A-Z0-9 ]*$/.test(textBefore(bytes, at, 40));
}

/**
 * What may be in front of an assigned name, where a line feed or a zero byte stands for the beginning: a file of variables, also in a diff or found by
 * grep, what `printenv`, `export`, `set -x`, /proc/PID/environ and `docker inspect` print, and options that set a variable.
 */
const ASSIGNS =
  /(?:[\n\0](?:[+-]|\d{1,7}[:-]|[^\s:=]{1,64}:(?:\d{1,7}:)?)?[ \t]*(?:\+{1,4} )?(?:export |declare -x |set |\$env:)?|\s(?:-e|--env|env|set|export) )["']?[A-Z0-9_]*$/;

/** Behind a name in upper case that is assigned to. */
function assigns(bytes: Uint8Array, at: number, atStart: boolean): boolean {
  const before = textBefore(bytes, at, LOOKBEHIND_BYTES).replaceAll('\r', '\n');
  return ASSIGNS.test(at <= LOOKBEHIND_BYTES && atStart ? `\n${before}` : before);
}

const ASSIGNED = [
  'TOKEN',
  'SECRET',
  'PASSWORD',
  'PASSWD',
  'PASSPHRASE',
  'API_KEY',
  'APIKEY',
  'ACCESS_KEY',
  'PRIVATE_KEY',
  'SECRET_KEY',
  'AUTH_KEY',
  'ENCRYPTION_KEY',
];

/** Known shapes of tokens (SPEC {#redaction}). Each needs a literal that ordinary output hardly has, and most a length. */
export const SHAPES: readonly Shape[] = [
  sure('GitHub', ['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_'], ALNUM, 36),
  sure('GitHub', ['github_pat_'], WORD, 22),
  sure('GitLab', ['glpat-'], BASE64URL, 20),
  exact('OpenAI', ['sk-'], ALNUM, 32),
  token('OpenAI', ['sk-'], ALNUM, 40),
  token('OpenAI', ['sk-proj-', 'sk-svcacct-', 'sk-admin-', 'sk-None-'], BASE64URL, 20, 512),
  token('Anthropic', ['sk-ant-'], BASE64URL, 20, 512),
  token('OpenRouter', ['sk-or-'], BASE64URL, 20),
  exact('AWS', ['AKIA', 'ASIA'], UPPER, 16),
  {
    name: 'AWS',
    literals: ['aws_secret_access_key', 'AWS_SECRET_ACCESS_KEY', 'SecretAccessKey', 'secretAccessKey', 'aws_session_token', 'SessionToken'],
    parts: [some(BETWEEN, 1, 8), some(BASE64, 40, 2048)],
    secret: 1,
    needed: 2,
  },
  exact('Google', ['AIza'], BASE64URL, 35),
  token('Google', ['ya29.'], BASE64URL, 20, 1024),
  token('Google', ['GOCSPX-'], BASE64URL, 20),
  sure('Slack', ['xoxa-', 'xoxb-', 'xoxp-', 'xoxr-', 'xoxs-', 'xoxe-', 'xapp-'], DASHED, 10),
  token('Stripe', ['sk_live_', 'sk_test_', 'rk_live_', 'rk_test_', 'whsec_'], BASE64, 16),
  sure('npm', ['npm_'], ALNUM, 36),
  sure('PyPI', ['pypi-AgE'], BASE64URL, 20, 512),
  exact('Hugging Face', ['hf_'], ALNUM, 34),
  {
    name: 'JWT',
    literals: ['eyJ'],
    before: alone,
    parts: [some(BASE64URL, 8, 1024), text('.eyJ'), some(byteClass('A-Za-z0-9_.-'), 8, 8192)],
    secret: 0,
    needed: 3,
  },
  {
    name: 'private key',
    literals: ['PRIVATE KEY-----', 'PRIVATE KEY BLOCK-----'],
    before: pemBegins,
    parts: [{ kind: 'bytes', bytes: PEM, min: 1, max: PEM_BYTES, pem: true }],
    secret: 0,
    needed: 1,
  },
  {
    name: 'Bearer',
    literals: ['Bearer ', 'bearer ', 'BEARER '],
    before: alone,
    parts: [some(BEARER, 16, 8192)],
    secret: 0,
    needed: 1,
  },
  {
    name: 'Authorization',
    literals: ['Authorization', 'authorization', 'AUTHORIZATION'].flatMap((header) =>
      [': ', '":"', '": "'].flatMap((colon) => ['Basic', 'basic', 'Token', 'token'].map((scheme) => `${header}${colon}${scheme} `)),
    ),
    parts: [some(BEARER, 8, 8192)],
    secret: 0,
    needed: 1,
  },
  {
    name: 'key in a header',
    literals: ['x-api-key', 'X-API-Key', 'X-Api-Key', 'PRIVATE-TOKEN', 'Private-Token'].flatMap((header) =>
      [': ', '":"', '": "'].map((colon) => header + colon),
    ),
    parts: [some(BEARER, 16, 8192)],
    secret: 0,
    needed: 1,
  },
  { name: 'npm', literals: [':_authToken=', ':_auth=', ':_password='], parts: [some(BEARER, 16, 8192)], secret: 0, needed: 1 },
  { name: 'Docker', literals: ['"auth": "', '"auth":"'], parts: [some(BASE64, 16, 2048), text('"')], secret: 0, until: 1, needed: 2 },
  {
    name: 'password in a URL',
    literals: ['://'],
    parts: [some(byteClass('^\\s/@:?#"\'<>\\x00-\\x1f'), 0, 128), text(':'), some(byteClass('^\\s/@"\'<>\\x00-\\x1f'), 1, 256), text('@')],
    secret: 2,
    until: 3,
    needed: 4,
  },
  {
    name: 'assignment',
    literals: ASSIGNED.map((name) => `${name}=`),
    before: assigns,
    parts: [some(QUOTE, 0, 1), some(VALUE, 8, 4096)],
    secret: 1,
    needed: 2,
  },
];
