import { shownName } from './shown-name.ts';

/** A change of one file of the project, as a proposal holds it. Paths are relative to the project root, `/` between names. */
export type FileChange =
  | { readonly op: 'write'; readonly path: string; readonly text: string }
  | { readonly op: 'remove'; readonly path: string }
  | { readonly op: 'move' | 'copy'; readonly path: string; readonly to: string };

/** What a change would do to the file as it is now (SPEC {#file_edits}). */
export interface PlannedChange {
  readonly change: FileChange;
  /** SHA-256 of the content that it starts from, in hex; null: there is no file. Of a move or a copy that of `path`. */
  readonly before: string | null;
  /** SHA-256 of the content that it ends with; null: the file is gone. Of a move or a copy that of `to`. */
  readonly after: string | null;
  /** A unified diff; a sentence instead if the file is not text, or the diff is too long. */
  readonly diff: string;
  /** Lines. */
  readonly added: number;
  readonly removed: number;
}

/** What a client has said about files of the project (SPEC {#file_constraints}). */
export type FileRule = 'ignore' | 'persist';

export interface FileConstraint {
  /** A path relative to the project root, or a glob over such. */
  readonly pattern: string;
  readonly rule: FileRule;
  readonly createdAt: number;
}

/** One line for people: `edit src/x.ts (+3 -1)`. */
export function changeSummary({ change, before, added, removed }: PlannedChange): string {
  const path = shownName(change.path);
  if (change.op === 'write') return `${before === null ? 'create' : 'edit'} ${path} (+${added} -${removed})`;
  if (change.op === 'remove') return `remove ${path} (-${removed})`;
  return `${change.op} ${path} to ${shownName(change.to)}`;
}
