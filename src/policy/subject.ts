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
  if (pattern === '*') return (subject) => wide || parsed(subject) !== 'unsure';
  if (pattern.startsWith('file://')) return fileMatcher(pattern.slice('file://'.length), wide);
  if (/^(https?|\*):\/\//i.test(pattern)) return urlMatcher(pattern, wide);
  const plain = glob(pattern);
  return (subject) => plain.matches(subject) || (wide && subject.startsWith('file://') && plain.matches(subject.slice('file://'.length)));
}

/** A path of the project as rules see it, `file://src/a.ts`; undefined for one that leads out of it or is none. */
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

function parsed(subject: string): 'sure' | 'unsure' {
  if (/^\s*https?:/i.test(subject)) return plainUrl(subject) ? 'sure' : 'unsure';
  return subject.startsWith('file:') && filePath(subject) === undefined ? 'unsure' : 'sure';
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

function urlMatcher(pattern: string, wide: boolean): SubjectMatcher {
  const found = /^([a-z*]+):\/\/([^/?#]*)(.*)$/is.exec(pattern);
  const [, scheme = '', authority = '', rest = ''] = found ?? [];
  const [, host = '', port] = /^(.*?)(?::(\d+|\*))?$/s.exec(authority) ?? [];
  const hostGlob = glob(host.toLowerCase());
  const restGlob = glob(rest === '' ? '/' : rest);
  return (subject) => {
    const url = wide ? urlOf(subject) : plainUrl(subject);
    if (!url || (scheme !== '*' && `${scheme.toLowerCase()}:` !== url.protocol)) return false;
    if (!hostGlob.matches(url.hostname.replace(/\.$/, ''))) return false;
    if (port === undefined ? !wide && url.port !== '' : port !== '*' && port !== effectivePort(url)) return false;
    return restGlob.matches(`${url.pathname}${url.search}`);
  };
}

function effectivePort(url: URL): string {
  return url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
}

function urlOf(subject: string): URL | undefined {
  const url = URL.canParse(subject) ? new URL(subject) : undefined;
  return url?.protocol === 'http:' || url?.protocol === 'https:' ? url : undefined;
}
