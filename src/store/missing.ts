import { HeadgateError } from '../core/errors.ts';

/** The row, or `not_found`: `what` names it, `where` says which method lists what there is. */
export function found<T>(row: T | undefined, what: string, id: number, where: string): T {
  if (row === undefined)
    throw new HeadgateError('not_found', `no ${what} has the number ${id}, it may have been deleted; ${where} lists what there is`, { id });
  return row;
}

/** `found` for a change: how many rows it changed. */
export function changedOne(changes: number, what: string, id: number, where: string): void {
  found(changes > 0 ? id : undefined, what, id, where);
}

/** The row that an insert with RETURNING always returns. */
export function inserted<T>(row: T | undefined): T {
  if (row === undefined) throw new Error('an insert returned no row');
  return row;
}
