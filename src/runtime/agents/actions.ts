import { isAbsolute, relative } from 'node:path';
import { defined } from '../../core/defined.ts';
import type { ProposedProducer } from '../../hooks/plugin.ts';
import { slugOf } from '../../model/paths.ts';
import type { Attributes, Project } from '../../model/records.ts';
import type { Case } from '../../policy/index.ts';
import { lookPlace } from '../look-place.ts';
import { type CallUpdate, commandOf } from './messages.ts';

/** Tools by which rules and clients know what an agent does, by ACP's kind of the call. */
const TOOLS: Readonly<Record<string, string>> = {
  execute: 'sh',
  edit: 'set',
  delete: 'rm',
  move: 'mv',
  read: 'get',
  search: 'search',
  fetch: 'fetch',
  think: 'think',
};

/** What is known of a tool call before it ends, as an action of the run (SPEC {#agent_actions}). */
export interface AgentAction {
  readonly tool: string;
  readonly slug: string;
  readonly attributes: Attributes;
  /** Present for a command: its output becomes channels. The agent runs it, so it is a client's. */
  readonly plan?: ProposedProducer;
}

/** The action that a tool call stands for; `before` is what was known of it. */
export function actionOfCall(agent: string, call: CallUpdate, project: Project, before: Attributes = {}): AgentAction {
  const { kind: oldKind, command: oldCommand, summary: oldSummary, input: oldInput } = before;
  const kind = call.kind ?? (typeof oldKind === 'string' ? oldKind : 'other');
  const tool = TOOLS[kind] ?? 'agent';
  const known = typeof oldCommand === 'string' ? oldCommand : undefined;
  const command = tool === 'sh' ? (commandOf({ rawInput: call.rawInput, title: known ?? call.title, kind }) ?? known) : undefined;
  const title = call.title ?? (typeof oldSummary === 'string' ? oldSummary : tool);
  const place = call.locations?.[0]?.path;
  const attributes = {
    ...before,
    tool,
    kind,
    call_id: call.toolCallId,
    agent,
    summary: command === undefined ? title : `$ ${command.split('\n', 1)[0] ?? ''}`,
    input: typeof call.rawInput === 'object' && call.rawInput !== null ? { ...call.rawInput } : (oldInput ?? {}),
    ...defined({ command }),
    ...(place === undefined ? {} : { path: nameOf(place, project.root) }),
  };
  const { cwd } = attributes.input as { readonly cwd?: unknown };
  const folder = typeof cwd === 'string' && isAbsolute(cwd) ? cwd : project.root;
  const spec = { command: command ?? title, cwd: folder, env: {}, stdin: false };
  return {
    tool,
    slug: slugOf(command ?? title),
    attributes,
    ...(tool === 'sh' ? { plan: { backend: 'process', runner: 'client', channels: [1], spec } } : {}),
  };
}

/** What rules are matched against (SPEC {#agent_permission}). */
export function caseOfAction({ tool, attributes, plan }: AgentAction, project: Project): Case {
  const { root } = project;
  if (plan) {
    return {
      kind: 'shell',
      tool,
      command: plan.spec.command,
      root,
      cwd: plan.spec.cwd,
      doubts: [],
      looks: false,
      ...lookPlace(root, false),
    };
  }
  const input = attributes['input'] as Readonly<Record<string, unknown>>;
  const subject = attributes['path'] ?? input['url'] ?? attributes['summary'];
  return { kind: 'subject', tool, subjects: [String(subject)], root };
}

function nameOf(path: string, root: string): string {
  const inside = isAbsolute(path) ? relative(root, path) : path;
  return inside.startsWith('..') ? path : `file://${inside}`;
}
