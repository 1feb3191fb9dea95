import { HeadgateError, messageOf } from '../../core/errors.ts';
import type { EntryWrite, ProposedProducer, ToolCallContext, ToolOutcome } from '../../hooks/plugin.ts';
import type { Entry, LoopMode, Project, Run, RunSettings } from '../../model/records.ts';
import type { EntryStatus } from '../../model/status.ts';
import type { ChannelState, JournalTx } from '../../stream/index.ts';
import { writeEntry } from '../entry-writes.ts';
import type { RuntimeParts } from '../parts.ts';
import type { HostedTool } from '../plugin-host.ts';
import { entryAccess } from '../readers.ts';
import { sandboxed } from '../sandbox-policy.ts';
import { tellEntry, tellProposal } from '../tell.ts';
import type { Resolution } from './attributes.ts';

/** Whose action it is and under which settings it runs. */
export interface ActionScope {
  readonly project: Project;
  readonly run: Run;
  readonly mode: LoopMode;
  readonly settings: RunSettings;
  /** `model`, or a client's name. */
  readonly by: string;
  readonly signal: AbortSignal;
}

type Proposal = Extract<ToolOutcome, { kind: 'proposal' }>;

/** What a call of a handler came to, before anything is stored. */
export type Prepared =
  | { readonly kind: 'settled'; readonly outcome: Exclude<ToolOutcome, Proposal> }
  | { readonly kind: 'proposal'; readonly proposal: Proposal; readonly verdict: 'allow' | 'ask' | 'deny' };

/** Runs tools' handlers and stores what they answer; the model's actions and clients' commands alike (SPEC {#actions}). */
export class Actions {
  readonly #parts: RuntimeParts;

  constructor(parts: RuntimeParts) {
    this.#parts = parts;
  }

  /**
   * Checks the input and calls the handler; for a proposal also asks for the verdict. Never throws for what a tool or
   * a model got wrong: that is a refusal with a text that says what to do. `path` is the log entry's.
   */
  async prepare(
    tool: HostedTool,
    input: Readonly<Record<string, unknown>>,
    turn: number,
    path: string,
    scope: ActionScope,
  ): Promise<Prepared> {
    const parsed = tool.definition.params.safeParse(input);
    if (!parsed.success) {
      const problems = parsed.error.issues.map((issue) => `- ${issue.path.length > 0 ? issue.path.join('.') : 'input'}: ${issue.message}`);
      return refusal(
        422,
        'invalid_input',
        `The input does not fit ${tool.definition.name}:\n${problems.join('\n')}\nCall it again with these corrected.`,
      );
    }
    let outcome: ToolOutcome;
    try {
      const call: ToolCallContext = {
        project: scope.project,
        run: scope.run.alias,
        mode: scope.mode,
        turn,
        settings: scope.settings,
        entries: entryAccess(this.#parts.store, scope.run.id),
        signal: scope.signal,
      };
      outcome = await tool.definition.handler(parsed.data, call);
      if (!isOutcome(outcome)) throw new Error('the handler answered no outcome');
      if (outcome.kind === 'done') checkWrites(outcome.writes ?? []);
      if (outcome.kind === 'proposal' && outcome.producer)
        outcome = { ...outcome, producer: sandboxed(outcome.producer, this.#parts.sandbox, scope.project.root) };
    } catch (error) {
      if (error instanceof HeadgateError) return refusal(refusalStatus(error), error.kind, error.message);
      const { plugin, definition } = tool;
      this.#parts.logger.error({ plugin, tool: definition.name, error: messageOf(error) }, 'a tool failed');
      const body = `The tool ${definition.name} of plugin "${plugin}" failed: ${messageOf(error)}`;
      return { kind: 'settled', outcome: { kind: 'failed', outcome: 'tool_failed', body } };
    }
    if (outcome.kind !== 'proposal') return { kind: 'settled', outcome };
    return { kind: 'proposal', proposal: outcome, verdict: await this.#verdict(tool, input, outcome, path, scope) };
  }

  /** Stores the end of an action together with the entries it writes. */
  settle(tx: JournalTx, run: Run, entry: Entry, outcome: Exclude<ToolOutcome, Proposal>, by: string): Entry {
    const { store } = this.#parts;
    if (outcome.kind === 'done') {
      try {
        for (const write of outcome.writes ?? []) writeEntry(store, tx, run, write, { turn: entry.turn, loopId: entry.loopId, writer: by });
      } catch (error) {
        if (!(error instanceof HeadgateError)) throw error;
        return this.close(tx, run, entry, refusalStatus(error), error.kind, error.message);
      }
      const attributes = { ...outcome.attributes, ...(outcome.ends ? { ends: true } : {}) };
      return this.close(tx, run, entry, 200, null, outcome.body, attributes);
    }
    const status = outcome.kind === 'refused' ? outcome.status : 500;
    return this.close(tx, run, entry, status, outcome.outcome ?? outcome.kind, outcome.body);
  }

  /** Ends a log entry with a status, an outcome and a text. */
  close(
    tx: JournalTx,
    run: Run,
    entry: Entry,
    status: EntryStatus,
    outcome: string | null,
    body: string,
    more: Entry['attributes'] = {},
  ): Entry {
    const attributes = { ...entry.attributes, ...more };
    const closed = this.#parts.store.entries.update(entry.id, { status, outcome, body, attributes });
    tellEntry(tx, run, closed);
    return closed;
  }

  /** Makes the entry a proposal that waits for an answer, and tells every client. */
  propose(tx: JournalTx, run: Run, entry: Entry, proposal: Proposal): Entry {
    const attributes = proposalAttributes(entry, proposal);
    const waiting = this.#parts.store.entries.update(entry.id, { status: 202, body: proposal.summary, attributes });
    tellEntry(tx, run, waiting);
    tellProposal(tx, run, waiting);
    return waiting;
  }

  /** Accepts at once because a verdict allowed it; the producer starts after the commit. */
  allow(tx: JournalTx, entry: Entry, proposal: Proposal & { producer: ProposedProducer }, by: string): ChannelState[] {
    const { store, streams, clock } = this.#parts;
    const resolution: Resolution = { action: 'accept', by, at: clock.now() };
    const attributes = { ...proposalAttributes(entry, proposal), resolution };
    return streams.open(tx, store.entries.update(entry.id, { attributes }), proposal.producer);
  }

  async #verdict(
    tool: HostedTool,
    input: Readonly<Record<string, unknown>>,
    proposal: Proposal,
    path: string,
    scope: ActionScope,
  ): Promise<'allow' | 'ask' | 'deny'> {
    // Without a producer there is nothing to start: only a person can answer.
    const allowed = scope.settings.yolo === true && proposal.producer !== undefined;
    const { projectId, alias } = scope.run;
    const verdict = await this.#parts.hooks.apply('proposal.verdict', allowed ? 'allow' : 'ask', {
      projectId,
      run: alias,
      path,
      tool: tool.definition.name,
      input,
      command: proposal.producer?.spec.command ?? null,
      by: scope.by,
    });
    return verdict === 'allow' && proposal.producer === undefined ? 'ask' : verdict;
  }
}

function proposalAttributes(entry: Entry, proposal: Proposal): Entry['attributes'] {
  return {
    ...entry.attributes,
    ...proposal.attributes,
    summary: proposal.summary,
    ...(proposal.producer ? { plan: proposal.producer } : {}),
    ...(proposal.yieldMs === undefined ? {} : { yield_ms: proposal.yieldMs }),
  };
}

function refusal(status: 400 | 403 | 404 | 409 | 413 | 422 | 501, outcome: string, body: string): Prepared {
  return { kind: 'settled', outcome: { kind: 'refused', status, outcome, body } };
}

function refusalStatus(error: HeadgateError): 400 | 403 | 404 | 409 | 413 | 422 | 501 {
  const { status } = error.data;
  return status === 403 || status === 404 || status === 409 || status === 413 || status === 501 ? status : 422;
}

function isOutcome(value: unknown): value is ToolOutcome {
  const outcome = value as { kind?: unknown; body?: unknown; summary?: unknown } | null | undefined;
  if (outcome?.kind === 'proposal') return typeof outcome.summary === 'string';
  return (outcome?.kind === 'done' || outcome?.kind === 'refused' || outcome?.kind === 'failed') && typeof outcome.body === 'string';
}

function checkWrites(writes: readonly EntryWrite[]): void {
  if (!Array.isArray(writes)) throw new Error('the handler answered writes that are no list');
}
