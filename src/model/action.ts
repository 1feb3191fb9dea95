/** Members whose kind is not known yet: what a plugin, an older version or a client wrote. */
export type Members = Readonly<Record<string, unknown>>;

/** A question to a person, with answers to choose from where there are some (SPEC {#ask_user}). */
export interface Question {
  readonly text: string;
  readonly options: readonly string[];
}

/** The rules that an answer with `remember` writes, as the proposal shows them (SPEC {#policy_remember}). */
export interface RulesToRemember {
  readonly accept: readonly string[];
  readonly reject: readonly string[];
}

/** How a proposal was resolved. */
export interface ResolutionFacts {
  readonly action: string;
  /** Name of the client, or `policy`. */
  readonly by: string;
  /** The answer to a question, or the reason of a rejection. */
  readonly output: string | undefined;
}

/** The change of files that an accepted proposal makes (SPEC {#file_edits}). */
export interface ChangeFacts {
  readonly op: string;
  /** Relative to the project root, as `to`. */
  readonly path: string;
  readonly to: string | undefined;
  /** What a `write` writes. */
  readonly text: string | undefined;
  /** True where the file did not exist. */
  readonly isNew: boolean;
}

/** Processes of an ended command that ran on (SPEC {#detached}). */
export interface LeftoverFacts {
  /** Process numbers. */
  readonly processes: readonly number[];
  /** Bytes stored since the end of the command. */
  readonly bytes: number;
  readonly isOpen: boolean;
  /** A client has cancelled them. */
  readonly isCancelled: boolean;
  /** They have reached a limit: what they write is not stored any more. */
  readonly isOverLimit: boolean;
}

/** Where an accepted command runs, or a proposed one would. */
export interface PlanFacts {
  readonly backend: string | undefined;
  readonly runner: string | undefined;
  /** What the backend is given: `cwd`, `env`, `shell`, `container`, `ssh`, ... */
  readonly spec: Members;
}

/** What a log entry records of its action. A member is undefined when the entry does not have it, or not in the expected kind (SPEC {#action}). */
export interface Action {
  /** Name of the tool; undefined where the entry records no action. */
  readonly tool: string | undefined;
  /** The agent of others whose action it is, which does it itself (SPEC {#agent_actions}). */
  readonly agent: string | undefined;
  readonly summary: string | undefined;
  /** The command line; of a command that was given as an array, quoted for a shell. */
  readonly command: string | undefined;
  /** What the tool was called with. */
  readonly input: Members;
  readonly plan: PlanFacts | undefined;
  readonly change: ChangeFacts | undefined;
  /** Unified diff of the change, and how many lines it adds and removes. */
  readonly diff: string | undefined;
  readonly added: number;
  readonly removed: number;
  /** Set for a proposal that starts nothing: accepting it carries the answer. */
  readonly question: Question | undefined;
  readonly rules: RulesToRemember;
  /** Why a person is asked. */
  readonly reason: string | undefined;
  readonly resolution: ResolutionFacts | undefined;
  /** Where it runs; undefined before it was accepted. */
  readonly backend: string | undefined;
  /** Numbers of its channels; none before it was accepted, and for an action without output. */
  readonly channels: readonly number[];
  /** Set while it waits for input: the unfinished last line of its output. */
  readonly waiting: { readonly prompt: string } | undefined;
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  readonly durationMs: number | undefined;
  readonly leftover: LeftoverFacts | undefined;
}

/**
 * Reads what the attributes of a log entry, or of a proposal, record of its action. Never throws.
 *
 * @example
 * ```ts
 * import { actionOf, type Runtime } from 'headgate/client';
 *
 * export async function showProposals(runtime: Runtime, run: string): Promise<void> {
 *   for await (const { name, params } of runtime.events({ run })) {
 *     if (name !== 'run/proposal') continue;
 *     const { command, diff, reason } = actionOf(params.attributes);
 *     console.log(command ?? diff ?? params.summary, reason ?? '');
 *   }
 * }
 * ```
 */
export function actionOf(attributes: Members): Action {
  const {
    tool,
    agent,
    summary,
    command,
    input,
    plan,
    diff,
    added,
    removed,
    question,
    options,
    remember,
    remember_reject: forbid,
  } = attributes;
  const { verdict, resolution, backend, channels, waiting, exit_code: exitCode, signal, duration_ms: durationMs, leftover } = attributes;
  const asked = text(question);
  const forbidden = text(forbid);
  return {
    tool: text(tool),
    agent: text(agent),
    summary: text(summary),
    command: text(command),
    input: record(input),
    plan: isRecord(plan) ? { backend: text(plan['backend']), runner: text(plan['runner']), spec: record(plan['spec']) } : undefined,
    change: changeFacts(attributes),
    diff: text(diff),
    added: number(added) ?? 0,
    removed: number(removed) ?? 0,
    question: asked === undefined ? undefined : { text: asked, options: texts(options) },
    rules: { accept: texts(remember), reject: forbidden === undefined ? [] : [forbidden] },
    reason: text(record(verdict)['reason']),
    resolution: resolutionFacts(record(resolution)),
    backend: text(backend),
    channels: numbers(channels),
    waiting: isRecord(waiting) ? { prompt: text(waiting['prompt']) ?? '' } : undefined,
    exitCode: number(exitCode),
    signal: text(signal),
    durationMs: number(durationMs),
    leftover: isRecord(leftover) ? leftoverFacts(leftover) : undefined,
  };
}

function changeFacts({ change, before }: Members): ChangeFacts | undefined {
  const { op, path, to, text: written } = record(change);
  if (typeof path !== 'string') return undefined;
  return { op: text(op) ?? '', path, to: text(to), text: text(written), isNew: before === null };
}

function resolutionFacts({ action, by, output }: Members): ResolutionFacts | undefined {
  return typeof action === 'string' && typeof by === 'string' ? { action, by, output: text(output) } : undefined;
}

function leftoverFacts({ processes, bytes, limit, cancelled_by: by, gone_at: goneAt }: Members): LeftoverFacts {
  return {
    processes: numbers(processes),
    bytes: number(bytes) ?? 0,
    isOpen: typeof goneAt !== 'number',
    isCancelled: typeof by === 'string',
    isOverLimit: typeof limit === 'string',
  };
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

function numbers(value: unknown): number[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'number') : [];
}

function isRecord(value: unknown): value is Members {
  return typeof value === 'object' && value !== null;
}

/** The members of an object; none for any other value. */
export function record(value: unknown): Members {
  return isRecord(value) ? value : {};
}
