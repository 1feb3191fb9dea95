import { z } from 'zod';
import type { AgentFacts } from '../../model/agent-state.ts';
import type { Usage } from '../../model/records.ts';

/** What an agent sends, as far as Headgate looks at it: agents add members of their own, and whole kinds of updates (SPEC {#agent_lines}). */

const text = z.looseObject({ type: z.literal('text'), text: z.string() });
const content = z.union([text, z.looseObject({ type: z.string() })]);

const meta = z
  .looseObject({
    terminal_output: z.looseObject({ data: z.string() }).optional().catch(undefined),
    terminal_exit: z.looseObject({ exit_code: z.int().nullish() }).optional().catch(undefined),
  })
  .nullish()
  .catch(undefined);

const call = z.looseObject({
  toolCallId: z.string().min(1).max(1000),
  title: z.string().nullish().catch(undefined),
  kind: z.string().nullish().catch(undefined),
  status: z.enum(['pending', 'in_progress', 'completed', 'failed']).nullish().catch(undefined),
  content: z
    .array(z.looseObject({ type: z.string() }))
    .nullish()
    .catch(undefined),
  locations: z
    .array(z.looseObject({ path: z.string() }))
    .nullish()
    .catch(undefined),
  rawInput: z.unknown().optional(),
  rawOutput: z.unknown().optional(),
  _meta: meta,
});

/** A tool call, or what changed of one. */
export type CallUpdate = z.output<typeof call>;

const said = z.looseObject({ sessionUpdate: z.enum(['agent_message_chunk', 'agent_thought_chunk']), content });
const called = call.extend({ sessionUpdate: z.enum(['tool_call', 'tool_call_update']) });
const option = z.looseObject({ optionId: z.string(), name: z.string().catch(''), kind: z.string().catch('') });
const permission = z.looseObject({ toolCall: call, options: z.array(option).max(100) });

/** A request for permission. */
export type PermissionRequest = z.output<typeof permission>;

const planned = z.looseObject({
  sessionUpdate: z.literal('plan'),
  entries: z.array(z.looseObject({ content: z.string(), status: z.string().catch('pending') })).max(1000),
});
const weighed = z.looseObject({ sessionUpdate: z.literal('usage_update'), used: z.number().min(0), size: z.number().min(0) });
const named = z.looseObject({
  sessionUpdate: z.literal('session_info_update'),
  title: z
    .string()
    .min(1)
    .transform((title) => title.slice(0, 200)),
});

/** A step of an agent's plan. */
export type PlanStep = z.output<typeof planned>['entries'][number];

const id = z.union([z.string(), z.number()]);
const failure = z.looseObject({ code: z.number(), message: z.string() });

/** One line of an agent. `nothing`: a notification or an update that means nothing here. */
export type AgentMessage =
  | { readonly kind: 'result'; readonly id: string; readonly result: Readonly<Record<string, unknown>> }
  | { readonly kind: 'failed'; readonly id: string; readonly error: { readonly code: number; readonly message: string } }
  | { readonly kind: 'said'; readonly what: 'text' | 'thought'; readonly text: string }
  | { readonly kind: 'call'; readonly call: CallUpdate }
  | { readonly kind: 'plan'; readonly steps: readonly PlanStep[] }
  | { readonly kind: 'facts'; readonly facts: AgentFacts }
  | { readonly kind: 'permission'; readonly id: string | number; readonly request: PermissionRequest }
  | { readonly kind: 'request'; readonly id: string | number; readonly method: string }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'garbage' };

/** Reads a line. Never throws: what is no message is `garbage`. */
export function readMessage(line: string): AgentMessage {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { kind: 'garbage' };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { kind: 'garbage' };
  const { id: raw, method, params, error, result } = value as Readonly<Record<string, unknown>>;
  const known = id.safeParse(raw);
  if (typeof method === 'string') return asked(method, params, known.data);
  if (!known.success) return { kind: 'garbage' };
  const failed = failure.safeParse(error);
  if (failed.success) return { kind: 'failed', id: String(known.data), error: failed.data };
  return { kind: 'result', id: String(known.data), result: typeof result === 'object' && result !== null ? { ...result } : {} };
}

function asked(method: string, params: unknown, id: string | number | undefined): AgentMessage {
  if (id === undefined) return method === 'session/update' ? updated(params) : { kind: 'nothing' };
  if (method !== 'session/request_permission') return { kind: 'request', id, method };
  const request = permission.safeParse(params);
  return request.success ? { kind: 'permission', id, request: request.data } : { kind: 'request', id, method };
}

function updated(params: unknown): AgentMessage {
  const update: unknown = typeof params === 'object' && params !== null && 'update' in params ? params.update : undefined;
  const words = said.safeParse(update);
  if (words.success) {
    const { content, sessionUpdate } = words.data;
    const piece = text.safeParse(content);
    if (!piece.success) return { kind: 'nothing' };
    return { kind: 'said', what: sessionUpdate === 'agent_message_chunk' ? 'text' : 'thought', text: piece.data.text };
  }
  const action = called.safeParse(update);
  if (action.success) return { kind: 'call', call: action.data };
  const plan = planned.safeParse(update);
  if (plan.success) return { kind: 'plan', steps: plan.data.entries };
  const weight = weighed.safeParse(update);
  if (weight.success) return { kind: 'facts', facts: { context: { used: weight.data.used, size: weight.data.size } } };
  const name = named.safeParse(update);
  return name.success ? { kind: 'facts', facts: { title: name.data.title } } : { kind: 'nothing' };
}

/** The text of a tool call's content; undefined where the update brings none. */
export function textOf({ content }: CallUpdate): string | undefined {
  const texts = (content ?? []).flatMap((one) => {
    const inner = text.safeParse(one['content']);
    return inner.success ? [inner.data.text] : [];
  });
  return texts.length === 0 ? undefined : texts.join('\n');
}

/** The command of a tool call that runs one; undefined where the agent does not say. */
export function commandOf({ rawInput, title, kind }: Pick<CallUpdate, 'rawInput' | 'title' | 'kind'>): string | undefined {
  const command = typeof rawInput === 'object' && rawInput !== null && 'command' in rawInput ? rawInput.command : undefined;
  if (typeof command === 'string') return command;
  if (Array.isArray(command) && command.every((word) => typeof word === 'string')) {
    const [shell = '', flag = '', script] = command as string[];
    // A shell and its script, or a program with its arguments.
    const isScript = script !== undefined && command.length === 3 && /(^|\/)(ba|z|da)?sh$/.test(shell) && /^-l?c$/.test(flag);
    return isScript ? script : command.join(' ');
  }
  return kind === 'execute' ? (title ?? undefined)?.replace(/^`(.*)`$/s, '$1') : undefined;
}

const spent = z.looseObject({
  inputTokens: z.int().min(0),
  outputTokens: z.int().min(0),
  cachedReadTokens: z.int().min(0).nullish().catch(undefined),
});

/** What a prompt has used, where the agent says so with its answer. */
export function usageOf(result: Readonly<Record<string, unknown>>): Usage | undefined {
  const known = spent.safeParse(result['usage']);
  if (!known.success) return undefined;
  const { inputTokens, outputTokens, cachedReadTokens } = known.data;
  return { inputTokens, outputTokens, cachedTokens: cachedReadTokens ?? 0 };
}
