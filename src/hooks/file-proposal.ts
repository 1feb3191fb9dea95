import { HeadgateError } from '../core/errors.ts';
import { changeSummary, type PlannedChange } from '../model/file-change.ts';
import type { EntryWrite, ToolCallContext, ToolOutcome } from './plugin.ts';
import type { FileAccess } from './views.ts';

/** True for the path of a file of the project, as against an entry's. */
export function isFilePath(path: string): boolean {
  return path.startsWith('file://');
}

/** The project's files. Throws `forbidden` in a run without them. */
export function requireFiles(call: Pick<ToolCallContext, 'files'>): FileAccess {
  if (call.files) return call.files;
  throw new HeadgateError('forbidden', 'This run works without the files of the project (noRepo); entries such as known://notes are there');
}

/** The proposal of a change, as every tool that changes files makes it (SPEC {#file_edits}). */
export function fileProposal(
  planned: PlannedChange,
  entries: { readonly writes?: readonly EntryWrite[]; readonly removes?: readonly string[] } = {},
): ToolOutcome {
  const { change } = planned;
  return {
    kind: 'proposal',
    summary: changeSummary(planned),
    change: { ...planned, ...entries },
    // A move changes two places, so no rule about one of them may allow it.
    ...(change.op === 'move' ? {} : { subject: `file://${change.op === 'copy' ? change.to : change.path}` }),
  };
}
