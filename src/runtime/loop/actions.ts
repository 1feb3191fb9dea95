import { defined } from '../../core/defined.ts';
import { HeadgateError, messageOf } from '../../core/errors.ts';
import type { ProposedProducer, SettledOutcome, ToolCallContext, ToolOutcome } from '../../hooks/plugin.ts';
import type { Entry, LoopMode, Project, Run, RunSettings } from '../../model/records.ts';
import type { EntryStatus } from '../../model/status.ts';
import { isShellTool } from '../../policy/index.ts';
import type { ChannelState, JournalTx } from '../../stream/index.ts';
import { commandAccess } from '../command-access.ts';
import { checkWritable, onlyHides, removeEntry, requireRemovable, writeEntry } from '../entry-writes.ts';
import { checkReach, isOfServer, planned } from '../kinds/planned.ts';
import { launched } from '../launched.ts';
import { withLifetime } from '../lifetime.ts';
import { lookPlace, onlyLooking } from '../look-place.ts';
import type { RuntimeParts } from '../parts.ts';
import type { HostedTool } from '../plugin-host.ts';
import { caseOf, rememberAttributes, verdictAttributes } from '../policy-case.ts';
import { filesOf } from '../project-files.ts';
import { entryAccess, skillAccess } from '../readers.ts';
import { sandboxed } from '../sandbox-policy.ts';
import { checkStars } from '../starred-text.ts';
import { tellEntry, tellProposal } from '../tell.ts';
import { changeAttributes, type Resolution } from './attributes.ts';
import type { FileChanges } from './file-changes.ts';

type Parts = Pick<
  RuntimeParts,
  | 'store'
  | 'streams'
  | 'clock'
  | 'logger'
  | 'hooks'
  | 'kinds'
  | 'redaction'
  | 'masked'
  | 'guides'
  | 'policy'
  | 'sandbox'
  | 'canSandbox'
  | 'lifetime'
>;

/** Whose action it is and under which settings it runs. */
export interface ActionScope {
  readonly project: Project;
  readonly run: Run;
  readonly mode: LoopMode;
  readonly settings: RunSettings;
  /** `model`, or a client's name. */
  readonly by: string;
  /** When the handler was first called; now, when that is not known. */
  readonly begunAt?: number | undefined;
  readonly signal: AbortSignal;
}

/** A proposal whose producer is complete, also where a plugin runs it in the server. */
type Proposal = Omit<Extract<ToolOutcome, { kind: 'proposal' }>, 'producer'> & { readonly producer?: ProposedProducer };

/** What a call of a handler came to, before anything is stored. */
export type Prepared =
  | { readonly kind: 'settled'; readonly outcome: SettledOutcome }
  | {
      readonly kind: 'proposal';
      readonly proposal: Proposal;
      readonly verdict: 'allow' | 'ask' | 'deny';
      /** Why it is denied, for its proposer. */
      readonly reason: string;
      /** What the log entry keeps of the verdict. */
      readonly judged: Entry['attributes'];
    };

/** Runs tools' handlers and stores what they return; the model's actions and clients' commands alike (SPEC {#actions}). */
export class Actions {
  readonly #parts: Parts;

  constructor(parts: Parts) {
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
    let outcome: SettledOutcome | Proposal;
    try {
      const answer = await tool.definition.handler(parsed.data, this.#callContext(turn, scope));
      if (!isOutcome(answer)) throw new Error('the handler returned no outcome');
      requireStorable(answer);
      this.#checkEntries(answer, scope.run);
      outcome = answer.kind === 'proposal' ? await this.#planned(answer, scope) : answer;
    } catch (error) {
      return { kind: 'settled', outcome: this.#failure(tool, error, scope.signal) };
    }
    const forbidden = notHere(tool.definition.name, outcome, scope);
    if (forbidden !== undefined) return refusal(403, 'not_offered', forbidden);
    if (outcome.kind !== 'proposal') return { kind: 'settled', outcome };
    return { kind: 'proposal', ...(await this.#judged(tool, input, outcome, path, scope)) };
  }

  /** Has a tool carry out its accepted proposal. Never throws for what the tool got wrong. */
  async carryOut(tool: HostedTool, input: Readonly<Record<string, unknown>>, turn: number, scope: ActionScope): Promise<SettledOutcome> {
    const { definition } = tool;
    try {
      const parsed = definition.params.safeParse(input);
      if (!parsed.success || !definition.accepted) throw new Error('it has changed since it was proposed; call it again');
      const outcome = await definition.accepted(parsed.data, this.#callContext(turn, scope));
      if (!isOutcome(outcome)) throw new Error('it returned no outcome');
      requireStorable(outcome);
      return outcome;
    } catch (error) {
      return this.#failure(tool, error, scope.signal);
    }
  }

  /** Stores the end of an action together with the entries it writes. */
  settle(tx: JournalTx, run: Run, entry: Entry, outcome: SettledOutcome, by: string): Entry {
    const { store } = this.#parts;
    if (outcome.kind === 'done') {
      try {
        for (const path of outcome.removes ?? []) requireRemovable(store, run, path);
        for (const write of outcome.writes ?? []) writeEntry(store, tx, run, write, { turn: entry.turn, loopId: entry.loopId, writer: by });
        for (const path of outcome.removes ?? []) removeEntry(store, tx, run, path);
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

  /** Accepts at once, because a verdict allowed it, what the tool carries out itself. */
  allowOwn(tx: JournalTx, run: Run, entry: Entry, proposal: Proposal, by: string): Entry {
    const resolution: Resolution = { action: 'accept', by, at: this.#parts.clock.now() };
    const attributes = { ...proposalAttributes(entry, proposal), resolution, carried_out: true };
    const accepted = this.#parts.store.entries.update(entry.id, { status: 102, body: proposal.summary, attributes });
    tellEntry(tx, run, accepted);
    return accepted;
  }

  /** Accepts at once because a verdict allowed it; the producer starts after the commit. */
  allow(tx: JournalTx, entry: Entry, proposal: Proposal & { producer: ProposedProducer }, by: string): ChannelState[] {
    const { store, streams, clock } = this.#parts;
    const resolution: Resolution = { action: 'accept', by, at: clock.now() };
    const attributes = { ...proposalAttributes(entry, proposal), resolution };
    return streams.open(tx, store.entries.update(entry.id, { attributes }), proposal.producer);
  }

  /** The proposal with what it would run complete, and within the configuration. */
  async #planned({ producer, ...proposal }: Extract<ToolOutcome, { kind: 'proposal' }>, scope: ActionScope): Promise<Proposal> {
    const { kinds, sandbox, redaction, lifetime } = this.#parts;
    const { project, settings, by } = scope;
    if (proposal.change) checkStars(redaction, filesOf(this.#parts, project), proposal.change.change);
    if (!producer) return proposal;
    const plan = isOfServer(producer) ? planned(producer, kinds, proposal.summary) : producer;
    checkReach(plan, kinds, sandbox);
    const usual = by === 'model' ? lifetime.model : lifetime.client;
    const boxed = await launched(sandboxed(plan, sandbox, project.root));
    return { ...proposal, producer: withLifetime(boxed, settings.lifetime, usual) };
  }

  #callContext(turn: number, { project, run, mode, settings, signal, begunAt }: ActionScope): ToolCallContext {
    const { clock } = this.#parts;
    const since = begunAt ?? clock.now();
    return {
      project,
      run: run.alias,
      mode,
      turn,
      settings,
      entries: entryAccess(this.#parts, run.id),
      skills: skillAccess(this.#parts.guides, project.root),
      files: settings.noRepo ? undefined : filesOf(this.#parts, project),
      commands: commandAccess(this.#parts, run, signal),
      elapsedMs: () => Math.max(0, clock.now() - since),
      signal,
    };
  }

  /** What a tool threw, as the end of its action. Throws on what an abort ended: no loop waits for that any more. */
  #failure(tool: HostedTool, error: unknown, signal: AbortSignal): SettledOutcome {
    signal.throwIfAborted();
    if (error instanceof HeadgateError) return { kind: 'refused', status: refusalStatus(error), outcome: error.kind, body: error.message };
    const { plugin, definition } = tool;
    this.#parts.logger.error({ plugin, tool: definition.name, error: messageOf(error) }, 'a tool failed');
    const body = `The tool ${definition.name} of plugin "${plugin}" failed: ${messageOf(error)}`;
    return { kind: 'failed', outcome: 'tool_failed', body };
  }

  /** Accepts a change at once because a verdict allowed it; one that cannot be accepted ends as refused. */
  allowChange(tx: JournalTx, run: Run, entry: Entry, proposal: Proposal, by: string, changes: FileChanges): void {
    const { store, clock } = this.#parts;
    const known = store.entries.update(entry.id, { body: proposal.summary, attributes: proposalAttributes(entry, proposal) });
    try {
      changes.accept(tx, run, known, { action: 'accept', by, at: clock.now() });
    } catch (error) {
      if (!(error instanceof HeadgateError)) throw error;
      this.close(tx, run, known, refusalStatus(error), error.kind, error.message);
    }
  }

  /** Entries that could not be written or removed later are refused now. */
  #checkEntries(outcome: ToolOutcome, run: Run): void {
    const changed = outcome.kind === 'done' ? outcome : outcome.kind === 'proposal' ? outcome.change : undefined;
    const lists: readonly unknown[] = [changed?.writes ?? [], changed?.removes ?? []];
    if (!lists.every((list) => Array.isArray(list))) throw new Error('the handler returned writes or removes that are not a list');
    for (const write of changed?.writes ?? []) if (!onlyHides(write)) checkWritable(write.path);
    for (const path of changed?.removes ?? []) requireRemovable(this.#parts.store, run, path);
  }

  /** Asks the rules, then the plugins; the proposal comes back with what a waiting one says of `remember`. */
  async #judged(
    tool: HostedTool,
    input: Readonly<Record<string, unknown>>,
    proposal: Proposal,
    path: string,
    scope: ActionScope,
  ): Promise<Omit<Extract<Prepared, { kind: 'proposal' }>, 'kind'>> {
    const { policy, hooks, canSandbox } = this.#parts;
    // A question has nothing to start: only a person can answer.
    const isQuestion = (proposal.producer ?? proposal.change ?? tool.definition.accepted) === undefined;
    const { projectId, alias } = scope.run;
    const { name } = tool.definition;
    const { project, by: proposedBy, settings } = scope;
    const inSandbox = isShellTool(name) && (await canSandbox(project.root));
    const look = lookPlace(project.root, inSandbox);
    const proposer = { tool: name, root: project.root, by: proposedBy, readOnly: policy.readOnly && !settings.noRepo, look };
    const ruling = await policy.judge(projectId, caseOf(proposal, input, proposer));
    const isYolo = scope.settings.yolo === true && !isQuestion;
    const judgement =
      isYolo && ruling.yoloAsks ? { ...ruling, reason: `${ruling.reason}; yolo does not accept what may be denied` } : ruling;
    const yolo = isYolo && judgement.decision === 'ask' && !judgement.yoloAsks;
    const ruled = yolo ? 'allow' : judgement.decision;
    const decided = await hooks.apply('proposal.verdict', ruled, {
      projectId,
      run: alias,
      path,
      tool: name,
      input,
      command: proposal.producer?.spec.command ?? null,
      by: scope.by,
    });
    const verdict = decided === 'allow' && isQuestion ? 'ask' : decided;
    const by = decided !== ruled ? 'plugin' : yolo ? 'yolo' : judgement.by;
    const judged = {
      ...(isQuestion && judgement.by === 'none' ? {} : verdictAttributes(judgement, verdict, by)),
      ...(verdict === 'ask' ? rememberAttributes(judgement) : {}),
    };
    const reason = by === 'plugin' ? '' : `${judgement.rule === undefined ? '' : `${judgement.rule}. `}${judgement.reason}`;
    // Clients tell a question by this attribute, and by nothing else (SPEC {#ask_user}).
    const { question, ...attributes } = proposal.attributes ?? {};
    const asked = isQuestion ? { question: typeof question === 'string' ? question : proposal.summary } : {};
    // What nobody was asked about is run as it was read; what a person or a plugin has the last word on, as it was shown.
    const unasked = verdict === 'allow' && by !== 'plugin' && by !== 'yolo' && judgement.runs !== undefined;
    const read = proposal.producer && unasked ? await launched(proposal.producer, judgement.runs) : proposal.producer;
    const looks = verdict === 'allow' && judgement.by === 'default' && by === 'default';
    const producer = read && looks ? onlyLooking(read, project.root, inSandbox) : read;
    const run = producer ? { ...proposal, producer } : proposal;
    return { proposal: { ...run, attributes: { ...attributes, ...asked, ...judged } }, verdict, reason, judged };
  }
}

export function proposalAttributes(entry: Entry, proposal: Proposal): Entry['attributes'] {
  return {
    ...entry.attributes,
    ...proposal.attributes,
    summary: proposal.summary,
    ...defined({ subject: proposal.subject }),
    ...(proposal.producer ? { plan: proposal.producer } : {}),
    ...(proposal.change ? changeAttributes(proposal.change) : {}),
    ...defined({ yield_ms: proposal.yieldMs }),
  };
}

/** What a loop may not do whatever tool it is that tries: in `ask` mode nothing is changed, with `noProposals` nothing is proposed (SPEC {#ask_mode}). */
function notHere(tool: string, outcome: ToolOutcome, scope: ActionScope): string | undefined {
  const change = outcome.kind === 'proposal' ? outcome.change : undefined;
  const writes = outcome.kind === 'done' && [...(outcome.writes ?? []), ...(outcome.removes ?? [])].length > 0;
  if (scope.mode === 'ask' && (change || writes))
    return `This loop only looks, and ${tool} would change something. Answer with what you know.`;
  if (scope.settings.noProposals && scope.by === 'model' && outcome.kind === 'proposal')
    return `Nothing can be proposed in this loop, so ${tool} does nothing. Say what you would do.`;
  return undefined;
}

function refusal(status: 400 | 403 | 404 | 409 | 413 | 422 | 501, outcome: string, body: string): Prepared {
  return { kind: 'settled', outcome: { kind: 'refused', status, outcome, body } };
}

function refusalStatus(error: HeadgateError): 400 | 403 | 404 | 409 | 413 | 422 | 501 {
  const { status } = error.data;
  return status === 403 || status === 404 || status === 409 || status === 413 || status === 501 ? status : 422;
}

/** Throws for a value that is not JSON, such as a bigint: storing it would fail later, and end the loop. */
function requireStorable({ body: _, ...outcome }: ToolOutcome & { readonly body?: string }): void {
  JSON.stringify(outcome);
}

function isOutcome(value: unknown): value is ToolOutcome {
  const outcome = value as { kind?: unknown; body?: unknown; summary?: unknown } | null | undefined;
  if (outcome?.kind === 'proposal') return typeof outcome.summary === 'string';
  return (outcome?.kind === 'done' || outcome?.kind === 'refused' || outcome?.kind === 'failed') && typeof outcome.body === 'string';
}
