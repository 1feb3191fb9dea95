import { join } from 'node:path';
import type { ToolCallContent, ToolCallLocation } from '@agentclientprotocol/sdk';
import { applyPatch, parsePatch, reversePatch } from 'diff';
import type { Action } from '../rpc/client/index.ts';
import { blockContent } from './markdown.ts';

/** The files that a proposal changes, absolute. */
export function changedFiles({ change }: Action, root: string): ToolCallLocation[] {
  return [change?.path, change?.to].flatMap((path) => (path === undefined ? [] : [{ path: join(root, path) }]));
}

/**
 * A proposal's change as both sides of a diff. The old side is worked out from the stored diff, so that it is that of
 * the proposal whatever the file has become since. What has no two sides is shown as its unified diff.
 */
export function diffContent({ change, diff: unified = '' }: Action, root: string): ToolCallContent[] | undefined {
  if (!change) return undefined;
  const newText = change.op === 'write' ? change.text : change.op === 'remove' ? '' : undefined;
  const oldText = newText === undefined ? undefined : change.isNew ? null : oldSide(newText, unified);
  if (newText === undefined || oldText === undefined) return unified === '' ? [] : [blockContent(unified, 'diff')];
  return [{ type: 'diff', path: join(root, change.path), oldText, newText }];
}

/** The text before a change; undefined when the diff does not lead back to it: it was cut, or is a sentence. */
function oldSide(newText: string, diff: string): string | undefined {
  try {
    const [patch] = parsePatch(diff);
    if (!patch || patch.hunks.length === 0) return undefined;
    const old = applyPatch(newText, reversePatch(patch));
    return old === false ? undefined : old;
  } catch {
    return undefined;
  }
}
