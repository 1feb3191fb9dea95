import { join } from 'node:path';
import type { ToolCallContent, ToolCallLocation, ToolCallStatus, ToolKind } from '@agentclientprotocol/sdk';
import { placeLine } from '../core/place-line.ts';
import { visibleLine } from '../core/visible-text.ts';
import { changedFiles, diffContent } from './diff-content.ts';
import { codeSpan, textContent } from './markdown.ts';

type Facts = Readonly<Record<string, unknown>>;

/** What an editor is shown of an action, whatever becomes of it. */
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

/** Lines and columns of a title. */
const TITLE_CHARS = 300;

/** The tool of a log entry, read from its path: `log://turn_1/sh/make-test` is `sh`. */
export function toolOfPath(path: string): string {
  return path.split('/')[3] ?? 'unknown';
}

/** The turn of a log entry; 0 for what clients did. */
export function turnOfPath(path: string): number {
  return Number(/^log:\/\/turn_(\d+)\//.exec(path)?.[1] ?? 0);
}

/** Describes an action by its log entry's attributes (SPEC {#acp_tool_calls}). */
export function describeCall(path: string, attributes: Facts, root: string): CallFacts {
  const tool = typeof attributes['tool'] === 'string' ? attributes['tool'] : toolOfPath(path);
  const kind = KINDS[tool] ?? 'other';
  const { command, summary } = { ...inputOf(attributes), ...attributes } as Facts;
  const isCommand = tool === 'sh' || tool === 'env';
  const text = isCommand && typeof command === 'string' ? codeSpan(command) : visibleLine(typeof summary === 'string' ? summary : tool);
  const where = placeLine(attributes);
  return {
    title: text.length > TITLE_CHARS && !isCommand ? `${text.slice(0, TITLE_CHARS)} ...` : text,
    kind,
    name: tool,
    locations: locationsOf(attributes, root),
    rawInput: attributes['input'] ?? (typeof command === 'string' ? { command } : {}),
    proposed: diffContent(attributes, root) ?? (where === undefined ? [] : [textContent(`in ${codeSpan(where)}`)]),
    isCommand,
  };
}

/** How far an action has come, by its entry's status. */
export function callStatus(status: number): ToolCallStatus {
  if (status === 100 || status === 202) return 'pending';
  if (status === 102) return 'in_progress';
  return status === 200 ? 'completed' : 'failed';
}

function inputOf({ input }: Facts): Facts {
  return typeof input === 'object' && input !== null ? (input as Facts) : {};
}

/** Files that an action is about: those it changes, else the one that its input names. */
function locationsOf(attributes: Facts, root: string): ToolCallLocation[] {
  const changed = changedFiles(attributes, root);
  if (changed.length > 0) return changed;
  const { path, line } = inputOf(attributes);
  if (typeof path !== 'string' || !path.startsWith('file://')) return [];
  return [{ path: join(root, path.slice('file://'.length)), ...(typeof line === 'number' && line > 0 ? { line } : {}) }];
}
