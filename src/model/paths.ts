import { HeadgateError } from '../core/errors.ts';

/**
 * The path grammar (SPEC {#paths}):
 *   log entry  log://turn_{N}/{action}/{slug}
 *   channel    {action}://turn_{N}/{slug}_{channel}
 *   any entry  {scheme}://{segments}      e.g. known://deploy/steps
 */

export const MAX_PATH_LENGTH = 512;
const SCHEME = /^[a-z][a-z0-9_]{0,63}$/;
const SEGMENT = /^[A-Za-z0-9._~@+=,%-]{1,128}$/;
const LOG = /^log:\/\/turn_(0|[1-9]\d{0,8})\/([a-z][a-z0-9_]{0,63})\/([A-Za-z0-9._-]{1,96})$/;
const CHANNEL = /^([a-z][a-z0-9_]{0,63}):\/\/turn_(0|[1-9]\d{0,8})\/([A-Za-z0-9._-]{1,96})_([1-9]\d?)$/;

export const MAX_CHANNEL = 99;

/** The parts of a log entry's path. */
export interface LogPath {
  readonly turn: number;
  readonly action: string;
  readonly slug: string;
}

/** The parts of a channel's path. */
export interface ChannelPath extends LogPath {
  readonly channel: number;
}

/** Formats a log entry's path. */
export function logPath({ turn, action, slug }: LogPath): string {
  return `log://turn_${turn}/${action}/${slug}`;
}

/** Formats the path of one channel of a log entry. */
export function channelPath({ turn, action, slug }: LogPath, channel: number): string {
  return `${action}://turn_${turn}/${slug}_${channel}`;
}

/** Parses a log entry's path; undefined for any other path. */
export function parseLogPath(path: string): LogPath | undefined {
  const match = LOG.exec(path);
  if (!match?.[1] || !match[2] || !match[3]) return undefined;
  return { turn: Number(match[1]), action: match[2], slug: match[3] };
}

/** Parses a channel's path; undefined for any other path. */
export function parseChannelPath(path: string): ChannelPath | undefined {
  const match = CHANNEL.exec(path);
  if (!match?.[1] || !match[2] || !match[3] || !match[4] || match[1] === 'log') return undefined;
  return { action: match[1], turn: Number(match[2]), slug: match[3], channel: Number(match[4]) };
}

/** The parts of a log entry's path; throws `invalid_params` for anything else. */
export function requireLogPath(path: string): LogPath {
  const parsed = parseLogPath(path);
  if (!parsed) {
    throw new HeadgateError('invalid_params', `path "${shorten(path)}" is no log entry; it has the form log://turn_1/sh/list-files`, {
      field: 'path',
    });
  }
  return parsed;
}

/** The scheme of an entry's path; throws `invalid_params` when the path is outside the grammar. */
export function requireScheme(path: string): string {
  const problem = pathProblem(path);
  if (problem) throw new HeadgateError('invalid_params', problem, { field: 'path' });
  return path.slice(0, path.indexOf('://'));
}

/** What is wrong with an entry's path, as a sentence; undefined when it is within the grammar. */
export function pathProblem(path: string): string | undefined {
  if (path.length > MAX_PATH_LENGTH) return `path is ${path.length} characters long; at most ${MAX_PATH_LENGTH} are allowed`;
  const at = path.indexOf('://');
  if (at < 0) return `path "${shorten(path)}" has no scheme; write it as scheme://name, for example known://deploy`;
  if (!SCHEME.test(path.slice(0, at))) return `path "${shorten(path)}" has a scheme outside a-z, 0-9 and _ (64 characters at most)`;
  for (const segment of path.slice(at + 3).split('/')) {
    if (segment === '.' || segment === '..') return `path "${shorten(path)}" has a "${segment}" segment`;
    if (!SEGMENT.test(segment)) {
      return `path "${shorten(path)}" has a segment outside A-Z a-z 0-9 . _ ~ @ + = , % - (1 to 128 characters each)`;
    }
  }
  return undefined;
}

/** A slug from free text, such as a command: lower case, dashes, at most 40 characters, never empty. */
export function slugOf(text: string): string {
  const slug = text
    .slice(0, 400)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 40)
    .replace(/^-+|-+$/g, '');
  return slug === '' ? 'x' : slug;
}

function shorten(path: string): string {
  return path.length > 80 ? `${path.slice(0, 77)}...` : path;
}
