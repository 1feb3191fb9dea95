import { join } from 'node:path';
import type { ToolCallContent, ToolCallLocation, ToolCallStatus, ToolKind } from '@agentclientprotocol/sdk';
import { visibleLine } from '../core/visible-text.ts';
import { type Action, placeLine, toolOfPath } from '../rpc/client/index.ts';
import { changedFiles, diffContent } from './diff-content.ts';
import { codeSpan, textContent } from './markdown.ts';

/** The facts of an action that an editor is shown from the first update on. */
export interface CallFacts {
  readonly title: string;
  readonly kind: ToolKind;
  readonly name: string;
  readonly locations: ToolCallLocation[];
  readonly rawInput: unknown;
  /** What is proposed: a diff, or where a command would run. */
  readonly proposed: ToolCallContent[];
  /** A command, whose output an editor may draw as a terminal. */
  readonly isCommand: boolean;
}

const KINDS: Readonly<Record<string, ToolKind>> = {
  sh: 'execute',
  env: 'execute',
  input: 'execute',
  signal: 'execute',
  cancel: 'execute',
  wait: 'execute',
  tail: 'read',
  watch: 'read',
  get: 'read',
  log: 'read',
  set: 'edit',
  rm: 'delete',
  mv: 'move',
  cp: 'edit',
  search: 'search',
  fetch: 'fetch',
  think: 'think',
};

/** Longest title of an action that is not a command, in characters. */
const TITLE_CHARS = 300;

/** Describes an action by its log entry's attributes (SPEC {#acp_tool_calls}). */
export function describeCall(path: string, action: Action, root: string): CallFacts {
  const { tool = toolOfPath(path), input, command = textOf(input['command']), summary = textOf(input['summary']) ?? tool } = action;
  const kind = KINDS[tool] ?? 'other';
  const isCommand = tool === 'sh' || tool === 'env';
  const text = isCommand && command !== undefined ? codeSpan(command) : visibleLine(summary);
  const where = placeLine(action);
  return {
    title: text.length > TITLE_CHARS && !isCommand ? `${text.slice(0, TITLE_CHARS)} ...` : text,
    kind,
    name: tool,
    locations: locationsOf(action, root),
    rawInput: Object.keys(input).length > 0 || command === undefined ? input : { command },
    proposed: diffContent(action, root) ?? (where === undefined ? [] : [textContent(`in ${codeSpan(where)}`)]),
    isCommand,
  };
}

/** How far an action has come, by its entry's status. */
export function callStatus(status: number): ToolCallStatus {
  if (status === 100 || status === 202) return 'pending';
  if (status === 102) return 'in_progress';
  return status === 200 ? 'completed' : 'failed';
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Files that an action is about: those it changes, else the one that its input names. */
function locationsOf(action: Action, root: string): ToolCallLocation[] {
  const changed = changedFiles(action, root);
  if (changed.length > 0) return changed;
  const { path, line } = action.input;
  if (typeof path !== 'string' || !path.startsWith('file://')) return [];
  return [{ path: join(root, path.slice('file://'.length)), ...(typeof line === 'number' && line > 0 ? { line } : {}) }];
}
