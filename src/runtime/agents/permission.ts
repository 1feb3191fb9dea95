import type { AgentState } from '../../model/agent-state.ts';
import type { Project, Run } from '../../model/records.ts';
import type { LoopQueue } from '../loop/queue.ts';
import type { RuntimeParts } from '../parts.ts';
import { rememberAttributes, verdictAttributes } from '../policy-case.ts';
import { tellEntry, tellProposal } from '../tell.ts';
import { actionOfCall, caseOfAction } from './actions.ts';
import type { AgentCalls } from './calls.ts';
import { permit } from './lines.ts';
import type { PermissionRequest } from './messages.ts';
import type { AgentStates, Effect } from './states.ts';
import type { AgentWords } from './words.ts';

/** What an agent may ask for in a loop that changes nothing (SPEC {#ask_mode}). */
const READING: ReadonlySet<string> = new Set(['get', 'search', 'fetch', 'think']);

/** The agents' requests for permission, as proposals of their runs (SPEC {#agent_permission}). */
export class AgentPermissions {
  readonly #parts: RuntimeParts;
  readonly #queue: LoopQueue;
  readonly #states: AgentStates;
  readonly #words: AgentWords;
  readonly #calls: AgentCalls;

  constructor(o: { parts: RuntimeParts; queue: LoopQueue; states: AgentStates; words: AgentWords; calls: AgentCalls }) {
    this.#parts = o.parts;
    this.#queue = o.queue;
    this.#states = o.states;
    this.#words = o.words;
    this.#calls = o.calls;
  }

  /** Has the rules judge a request; the effect answers it or proposes it. */
  async judge(run: Run, project: Project, id: string | number, { toolCall, options }: PermissionRequest): Promise<Effect> {
    const { store, policy, clock } = this.#parts;
    const before = this.#states.of(run);
    const path = before.calls[toolCall.toolCallId]?.path;
    const known = path === undefined ? undefined : store.entries.get(run.id, path)?.attributes;
    const intended = actionOfCall(before.agent, toolCall, project, known);
    const judgement = await policy.judge(run.projectId, caseOfAction(intended, project));
    const loop = before.prompt ? store.loops.byId(before.prompt.loopId) : undefined;
    const settings = { ...run.settings, ...loop?.config };
    const yolo = settings.yolo === true && judgement.decision === 'ask' && !judgement.yoloAsks;
    const decision = yolo ? 'allow' : judgement.decision;
    const isBarred = (loop?.mode === 'ask' && !READING.has(intended.tool)) || (settings.noProposals === true && decision === 'ask');
    const judged = verdictAttributes(judgement, decision, yolo ? 'yolo' : judgement.by);
    const asked = { id, options };
    return (tx, state) => {
      if (!this.#states.isActive(state)) return permit(state, asked, 'cancelled');
      const { entry, action, now } = this.#calls.entryOf(tx, this.#words.flush(tx, state, run), run, project, toolCall);
      const attributes = { ...action.attributes, ...judged };
      if (isBarred || decision === 'deny') {
        const denial = isBarred
          ? { outcome: 'not_offered', body: 'This loop changes nothing, or may propose nothing.' }
          : { outcome: 'denied', body: `A rule of this server does not allow this (${judgement.reason}).` };
        if (entry.status === 100) tellEntry(tx, run, store.entries.update(entry.id, { status: 403, ...denial, attributes }));
        return permit(now, asked, 'reject');
      }
      if (decision === 'allow') {
        const resolution = { action: 'accept', by: yolo ? 'yolo' : 'policy', at: clock.now() };
        store.entries.update(entry.id, { attributes: { ...attributes, resolution } });
        return permit(now, asked, 'allow');
      }
      // One that runs already, or was asked about before, gets an entry of its own for the question.
      const isFirst = entry.status === 100;
      const place = isFirst ? entry : this.#calls.create(tx, run, now, { ...action, tool: 'permit', attributes });
      const more = {
        ...attributes,
        ...rememberAttributes(judgement),
        ...(isFirst && action.plan ? { plan: action.plan } : { asks: true }),
      };
      const shown = options.map(({ name, kind }) => ({ name, kind }));
      const body = String(attributes['summary']);
      const waiting = store.entries.update(place.id, { status: 202, body, attributes: { ...more, options: shown } });
      tellEntry(tx, run, waiting);
      tellProposal(tx, run, waiting);
      const present = this.#queue.run(run.id);
      if (present.status === 102) this.#queue.moveRun(tx, present, 'propose', null);
      const kept: AgentState['permissions'][number]['options'] = options.map(({ optionId, kind, name }) => ({ optionId, kind, name }));
      return { ...now, permissions: [...now.permissions, { path: waiting.path, id, options: kept }] };
    };
  }
}
