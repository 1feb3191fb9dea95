import { HeadgateError } from '../core/errors.ts';
import { compileGlob, expandBraces, type Glob, isGlob } from '../core/glob.ts';
import type { FileConstraint, FileRule } from '../model/file-change.ts';
import { FILE_SCHEME, isFilePath } from './file-path.ts';

const MAX_PATTERN_CHARS = 512;

/** The file constraints of a project (SPEC {#file_constraints}). */
export class FileRules {
  readonly #constraints: readonly (FileConstraint & { readonly takesIn: (relative: string) => boolean })[];

  /** `realOf` returns where a path really is when links lead there, so that an ignored link is no way around itself. */
  constructor(constraints: readonly FileConstraint[], realOf: (relative: string) => string | undefined = () => undefined) {
    this.#constraints = constraints.map((one) => ({ ...one, takesIn: testOf(one, realOf) }));
  }

  /** The pattern that keeps a file from the model, or undefined. `relative` is relative to the project root. */
  ignoredBy(relative: string): string | undefined {
    return this.#constraints.find((one) => one.rule === 'ignore' && one.takesIn(relative))?.pattern;
  }

  /** The constraints that a file is under. */
  of(relative: string): FileConstraint[] {
    return this.#constraints.filter((one) => one.takesIn(relative)).map(({ pattern, rule, createdAt }) => ({ pattern, rule, createdAt }));
  }

  /** Patterns of the files that are always shown, in order. */
  patterns(rule: FileRule): string[] {
    return this.#constraints.filter((one) => one.rule === rule).map(({ pattern }) => pattern);
  }

  /** Throws `forbidden` with the pattern for a file that is kept from the model. */
  check(relative: string, path: string): void {
    const pattern = this.ignoredBy(relative);
    if (pattern === undefined) return;
    throw new HeadgateError('forbidden', `${path} is kept from you: the project has an ignore rule "${pattern}" for it; go on without it`, {
      path,
      pattern,
    });
  }
}

/** The pattern of a constraint as it is stored, from `file://src/**` or `src/**`. Throws `invalid_params`. */
export function requirePattern(given: string): string {
  const refuse = (why: string) => new HeadgateError('invalid_params', `path "${given.slice(0, 80)}" ${why}`, { field: 'path' });
  const pattern = (isFilePath(given) ? given.slice(FILE_SCHEME.length) : given).replace(/^\.\//, '').replace(/\/+$/, '');
  if (pattern === '') throw refuse('names no file; give a path relative to the project root, or a glob such as secrets/**');
  if (pattern.length > MAX_PATTERN_CHARS || pattern.includes('\0')) throw refuse(`is over ${MAX_PATTERN_CHARS} characters, or has a NUL`);
  if (pattern.startsWith('/') || pattern.includes('://'))
    throw refuse('is not relative to the project root; write file://src/** or src/**');
  if (pattern.split('/').some((name) => name === '..' || name === '.')) throw refuse('has a . or .. in it; leave it out');
  if (expandBraces(pattern) === undefined) throw refuse('has more than 64 alternatives in its braces; store several patterns');
  return pattern;
}

/**
 * True for the paths that a constraint is about. A pattern without a slash holds in every folder, one that takes in a
 * folder for all that is in it. What is kept from the model is so in every writing that some file system takes for the
 * same name: in capitals, and in another form of Unicode.
 */
function testOf({ rule, pattern }: FileConstraint, realOf: (relative: string) => string | undefined): (relative: string) => boolean {
  const fold = rule === 'ignore' ? foldName : (name: string) => name;
  const globs = (expandBraces(fold(pattern)) ?? []).map((one) => compileGlob(one.includes('/') ? one.split('/') : ['**', one]));
  const real = rule === 'ignore' && !isGlob(pattern) ? realOf(pattern) : undefined;
  if (real !== undefined) globs.push(compileGlob(fold(real).split('/')));
  return (relative) => takesIn(globs, fold(relative).split('/'));
}

function foldName(name: string): string {
  return name.normalize('NFC').toLowerCase().normalize('NFC');
}

function takesIn(globs: readonly Glob[], names: readonly string[]): boolean {
  return globs.some((glob) => names.some((_, index) => glob(names.slice(0, index + 1))));
}

/** A test over relative paths from the glob of a `get`: the same globs, but only for the files themselves. Undefined for a plain path. */
export function fileGlob(relative: string): ((path: string) => boolean) | undefined {
  if (!isGlob(relative)) return undefined;
  const globs = expandBraces(relative)?.map((one) => compileGlob(one.split('/')));
  if (!globs) throw new HeadgateError('invalid_params', `"${relative}" has more than 64 alternatives in its braces; ask in parts`);
  return (path) => globs.some((glob) => glob(path.split('/')));
}
