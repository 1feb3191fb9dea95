import { posix } from 'node:path';
import picomatch from 'picomatch';
import { glob } from './glob.ts';

/** Decides whether a path or URL is what a rule is about. */
export type SubjectMatcher = (subject: string) => boolean;

/**
 * A matcher over what a tool's proposal is about (SPEC {#policy_rules}): a `file://` path of the project with the wildcards of
 * picomatch, an http(s) URL by scheme, host, port and the rest, any other text with `*`. What cannot be read for sure matches no
 * rule that allows, and a rule that does not allow matches by its host or its path all the same.
 */
export function subjectMatcher(pattern: string, decision: 'allow' | 'ask' | 'deny'): SubjectMatcher {
  const wide = decision !== 'allow';
  if (pattern === '*') return (subject) => wide || isSure(subject);
  if (pattern.startsWith('file://')) return fileMatcher(pattern.slice('file://'.length), wide);
  const request = requestOf(pattern);
  if (request) return urlMatcher(request, wide);
  const plain = glob(pattern);
  if (!wide) return (subject) => plain.matches(subject) && isSure(subject);
  return (subject) => [subject, subject.replace(/^file:\/\/|^private (?=[A-Z]+ |https?:)/, '')].some((text) => plain.matches(text));
}

/** A path of the project as rules see it, `file://src/a.ts`; undefined for one that leads out of the project or is invalid. */
export function filePath(subject: string): string | undefined {
  const path = posix.normalize(subject.replace(/^file:\/\//, ''));
  if (path.startsWith('/') || path === '..' || path.startsWith('../') || path.includes('\0') || path.includes('\\')) return undefined;
  return path;
}

/** A URL as the network sees it; undefined for none, and for one with a name, a password or a strange host in it. */
export function plainUrl(subject: string): URL | undefined {
  const url = urlOf(subject);
  return url && url.username === '' && url.password === '' && !url.hostname.endsWith('.') ? url : undefined;
}

/** False for a path that leads out of the project and for an address that is not what it seems: no rule allows these. */
function isSure(subject: string): boolean {
  const { address } = requestOf(subject) ?? { address: subject };
  if (/^\s*https?:/i.test(address)) return plainUrl(address) !== undefined;
  return !subject.startsWith('file:') || filePath(subject) !== undefined;
}

/** A request as `fetch` names it, or a pattern for some: `private POST https://example.com/` (SPEC {#tool_fetch}). */
interface Request {
  readonly inner: boolean;
  /** '' for GET; of a pattern also `*`. */
  readonly method: string;
  readonly address: string;
}

function requestOf(text: string): Request | undefined {
  const found = /^(private )?(?:([a-z]+|\*) )?((?:https?|\*):\/\/.*)$/is.exec(text);
  if (!found) return undefined;
  const [, inner, method = '', address = ''] = found;
  return { inner: inner !== undefined, method: method.toUpperCase(), address };
}

function fileMatcher(pattern: string, wide: boolean): SubjectMatcher {
  // Narrow where it allows: a file whose name begins with a dot has to be named. Wide elsewhere: the same file in every writing that some
  // file system takes for its name.
  const options = { dot: wide, nonegate: true, noextglob: true, nobrace: false, ...(wide ? { flags: 'is' } : {}) };
  const matches = picomatch(posix.normalize(wide ? pattern.normalize('NFC') : pattern), options);
  if (!wide) {
    return (subject) => {
      const path = filePath(subject);
      return path !== undefined && matches(path);
    };
  }
  return (subject) => {
    const path = posix.normalize(subject.replace(/^file:\/\//, '')).normalize('NFC');
    return matches(path.replace(/^(\.\.\/)+/, '')) || (path === '.' && pattern === '**');
  };
}

function urlMatcher(pattern: Request, wide: boolean): SubjectMatcher {
  const found = /^([a-z*]+):\/\/([^/?#]*)(.*)$/is.exec(pattern.address);
  const [, scheme = '', authority = '', rest = ''] = found ?? [];
  const [, host = '', port] = /^(.*?)(?::(\d+|\*))?$/s.exec(wide ? authority.replace(/^.*@/s, '') : authority) ?? [];
  const hostGlob = glob(hostPattern(host, wide));
  const [restGlob, plainGlob] = [rest === '' ? '/' : rest, decoded(rest === '' ? '/' : rest)].map(glob);
  return (subject) => {
    const request = requestOf(subject);
    if (!request || !takesIn(pattern, request, wide)) return false;
    const url = wide ? urlOf(request.address) : plainUrl(request.address);
    if (!url || (scheme !== '*' && `${scheme.toLowerCase()}:` !== url.protocol)) return false;
    if (!hostsOf(url, wide).some((name) => hostGlob.matches(name))) return false;
    if (port === undefined ? !wide && url.port !== '' : port !== '*' && Number(port) !== effectivePort(url)) return false;
    const path = `${url.pathname}${url.search}`;
    return restGlob?.matches(path) === true || (wide && plainGlob?.matches(decoded(path)) === true);
  };
}

/** Whether a pattern is about this kind of request: one that does not allow is about every kind, unless it names one. */
function takesIn(pattern: Request, request: Request, wide: boolean): boolean {
  const method = (one: Request) => (one.method === '' ? 'GET' : one.method);
  if (wide) return (!pattern.inner || request.inner) && (['', '*'].includes(pattern.method) || method(pattern) === method(request));
  return pattern.inner === request.inner && (pattern.method === '*' || method(pattern) === method(request));
}

/** The host of a pattern in the writing that addresses come in. */
function hostPattern(host: string, wide: boolean): string {
  const address = `http://${host}/`;
  const plain = !/[\\@]/.test(host) && URL.canParse(address) ? new URL(address).hostname : host.toLowerCase();
  return wide ? plain.replace(/\.+$/, '') : plain;
}

/** The names of a host: of an address of version 4 that is written as one of version 6 both. */
function hostsOf({ hostname }: URL, wide: boolean): string[] {
  const mapped = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/.exec(hostname);
  if (!wide || !mapped) return [hostname.replace(/\.+$/, '')];
  const bytes = [mapped[1], mapped[2]].flatMap((half = '') => [Number.parseInt(half, 16) >> 8, Number.parseInt(half, 16) & 255]);
  return [hostname, bytes.join('.')];
}

/** A path in which no plain character is escaped: a server takes `/%61` for `/a`. */
function decoded(text: string): string {
  return text.replace(/%([2-7][0-9a-f])/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

function effectivePort(url: URL): number {
  return url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
}

function urlOf(subject: string): URL | undefined {
  const url = URL.canParse(subject) ? new URL(subject) : undefined;
  return url?.protocol === 'http:' || url?.protocol === 'https:' ? url : undefined;
}
