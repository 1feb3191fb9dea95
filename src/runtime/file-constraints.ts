import { HeadgateError } from '../core/errors.ts';
import { FileRules, isFilePath, relativePath, requirePattern } from '../files/index.ts';
import type { FileConstraint, FileRule } from '../model/file-change.ts';
import type { Caller, RuntimeParts } from './parts.ts';

type Parts = Pick<RuntimeParts, 'store'>;

/** Constraints of one project at most: each is looked at for every file that is listed. */
const MAX_CONSTRAINTS = 200;

/** What `store` brings. */
export interface StoreParams {
  readonly path?: string | undefined;
  readonly run?: string | undefined;
  readonly persist?: boolean | undefined;
  readonly ignore?: boolean | undefined;
  readonly clear?: boolean | undefined;
}

/** What `store` returns. */
export interface StoreResult {
  readonly ok: true;
  readonly constraints: FileConstraint[];
}

/**
 * Sets or clears the constraint of a pattern and returns those of the project; with `path` alone the ones that this file
 * is under. Throws invalid_params, not_found, unsupported (SPEC {#file_constraints}).
 */
export function storeConstraint({ store }: Parts, c: Caller, params: StoreParams): StoreResult {
  const projectId = c.project.id;
  if (params.run !== undefined)
    throw new HeadgateError('unsupported', 'file constraints are those of the whole project; leave run out', { field: 'run' });
  const asked = (['persist', 'ignore', 'clear'] as const).filter((flag) => params[flag] === true);
  if (asked.length > 1) throw new HeadgateError('invalid_params', `give one of ${asked.join(', ')}`, { field: asked[1] ?? '' });
  const [flag] = asked;
  const constraints = store.fileConstraints.list(projectId);
  if (flag === undefined) {
    const { path } = params;
    if (path === undefined) return { ok: true, constraints };
    return {
      ok: true,
      constraints: new FileRules(constraints).of(relativePath(c.project.root, isFilePath(path) ? path : `file://${path}`)),
    };
  }
  if (params.path === undefined)
    throw new HeadgateError('invalid_params', 'path is missing; give a path relative to the project root, or a glob', { field: 'path' });
  const pattern = requirePattern(params.path);
  if (flag === 'clear') clear(store.fileConstraints.remove(projectId, pattern), pattern, constraints);
  else set(store, projectId, pattern, flag, constraints);
  return { ok: true, constraints: store.fileConstraints.list(projectId) };
}

function set(
  { fileConstraints }: RuntimeParts['store'],
  projectId: number,
  pattern: string,
  rule: FileRule,
  known: readonly FileConstraint[],
): void {
  if (known.length >= MAX_CONSTRAINTS && !known.some((one) => one.pattern === pattern)) {
    throw new HeadgateError('too_large', `there are ${known.length} constraints already; clear some, or take a wider pattern`, {
      limit: MAX_CONSTRAINTS,
    });
  }
  fileConstraints.set(projectId, pattern, rule);
}

function clear(removed: boolean, pattern: string, known: readonly FileConstraint[]): void {
  if (removed) return;
  const there = known.map((one) => one.pattern).join(', ');
  throw new HeadgateError('not_found', `there is no constraint "${pattern}"; there are: ${there === '' ? 'none' : there}`, {
    path: pattern,
  });
}
