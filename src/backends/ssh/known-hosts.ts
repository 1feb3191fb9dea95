import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isMissing } from '../../core/errors.ts';

/** One line of a known_hosts file (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT). */
interface KnownHost {
  readonly marker: string | undefined;
  readonly patterns: string;
  readonly type: string;
  readonly key: Buffer;
  readonly file: string;
  readonly line: number;
}

/** What known_hosts says of a host's key; `changed` and `revoked` name the line that says so. */
export type KeyVerdict =
  | { readonly state: 'known' | 'unknown' }
  | { readonly state: 'changed' | 'revoked'; readonly file: string; readonly line: number };

/** The lines of these files that are about a host. A file that is not there has none. */
export class KnownHosts {
  readonly #entries: readonly KnownHost[];

  constructor(files: readonly string[], host: string, port: number) {
    const name = port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`;
    this.#entries = files.flatMap(readEntries).filter(({ patterns }) => matches(patterns, name));
  }

  /** Key types that are known of the host: asked for first, as another key of the host would be unknown. */
  get types(): readonly string[] {
    return [...new Set(this.#entries.filter(({ marker }) => marker === undefined).map(({ type }) => type))];
  }

  /** Whether the host may have this key. A revoked one is refused whatever else is said of it. */
  check(key: Buffer): KeyVerdict {
    const same = this.#entries.filter((entry) => entry.key.equals(key));
    const revoked = same.find(({ marker }) => marker === '@revoked');
    if (revoked) return { state: 'revoked', file: revoked.file, line: revoked.line };
    if (same.some(({ marker }) => marker === undefined)) return { state: 'known' };
    const other = this.#entries.find(({ marker, type }) => marker === undefined && type === typeOfKey(key));
    return other ? { state: 'changed', file: other.file, line: other.line } : { state: 'unknown' };
  }
}

/** As ssh-keygen -l shows it: `SHA256:` and base64 without padding. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

/** The type that a public key blob begins with (RFC 4253, 6.6). */
export function typeOfKey(key: Buffer): string {
  return key.length < 4 ? '' : key.toString('latin1', 4, 4 + key.readUInt32BE(0));
}

function readEntries(file: string): KnownHost[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
  return text.split('\n').flatMap((line, index): KnownHost[] => {
    const words = line.trim().split(/\s+/);
    const marker = words[0]?.startsWith('@') === true ? words.shift() : undefined;
    const [patterns = '', type = '', key = ''] = words;
    if (patterns.startsWith('#') || key === '') return [];
    return [{ marker, patterns, type, key: Buffer.from(key, 'base64'), file, line: index + 1 }];
  });
}

/** Whether a list of host patterns is about a host; a negated one that matches decides. */
function matches(patterns: string, name: string): boolean {
  if (patterns.startsWith('|')) return matchesHash(patterns, name);
  let found = false;
  for (const pattern of patterns.toLowerCase().split(',')) {
    if (pattern.startsWith('!')) {
      if (wildcard(pattern.slice(1)).test(name)) return false;
    } else if (wildcard(pattern).test(name)) found = true;
  }
  return found;
}

/** `|1|SALT|HASH`, both base64: HMAC-SHA1 of the name. */
function matchesHash(pattern: string, name: string): boolean {
  const [, version, salt = '', hash = ''] = pattern.split('|');
  if (version !== '1') return false;
  const wanted = Buffer.from(hash, 'base64');
  const found = createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest();
  return wanted.length === found.length && timingSafeEqual(wanted, found);
}

function wildcard(pattern: string): RegExp {
  const text = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*+/g, '.*')
    .replace(/\?/g, '.');
  return new RegExp(`^${text}$`);
}
