import { join } from 'node:path';
import type { ToolCallContent, ToolCallLocation } from '@agentclientprotocol/sdk';
import { applyPatch, parsePatch, reversePatch } from 'diff';
import { blockContent } from './markdown.ts';

type Facts = Readonly<Record<string, unknown>>;

/** The change of a file that a proposal holds (SPEC {#file_edits}). */
interface Change {
  readonly op: string;
  readonly path: string;
  readonly to?: string;
  readonly text?: string;
}

/** The change in a proposal's attributes; undefined where it changes no file. */
function changeOf({ change }: Facts): Change | undefined {
  if (typeof change !== 'object' || change === null) return undefined;
  const { path } = change as Facts;
  return typeof path === 'string' ? (change as Change) : undefined;
}

/** The files that a proposal changes, absolute. */
export function changedFiles(attributes: Facts, root: string): ToolCallLocation[] {
  const change = changeOf(attributes);
  return [change?.path, change?.to].flatMap((path) => (path === undefined ? [] : [{ path: join(root, path) }]));
}

/**
 * A proposal's change as both sides of a diff. The old side is worked out from the stored diff, so that it is that of
 * the proposal whatever the file has become since. What has no two sides is shown as its unified diff.
 */
export function diffContent(attributes: Facts, root: string): ToolCallContent[] | undefined {
  const change = changeOf(attributes);
  if (!change) return undefined;
  const { diff, before } = attributes;
  const unified = typeof diff === 'string' ? diff : '';
  const newText = change.op === 'write' ? change.text : change.op === 'remove' ? '' : undefined;
  const oldText = newText === undefined ? undefined : before === null ? null : oldSide(newText, unified);
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
