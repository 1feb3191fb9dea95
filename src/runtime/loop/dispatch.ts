import type { ToolTrait } from '../../hooks/plugin.ts';
import type { ShownMark } from '../../hooks/views.ts';
import type { Entry, Run } from '../../model/records.ts';
import { channelEntries, channelNumber, waitingOf } from '../../stream/index.ts';
import type { RuntimeParts } from '../parts.ts';
import { tellEntry, tellProgress } from '../tell.ts';
import type { Actions, Prepared } from './actions.ts';
import type { Answers } from './answers.ts';
import type { Asker } from './ask.ts';
import {
  begunAtOf,
  changeOf,
  hasFailed,
  inputOf,
  isCarriedOut,
  producerOf,
  resolutionOf,
  toolOf,
  wasShownRunning,
  yieldMsOf,
} from './attributes.ts';
import type { TurnPlace } from './context.ts';
import { actionsOf } from './limits.ts';
import { nearest } from './nearest.ts';
import type { LoopQueue } from './queue.ts';

type Parts = Pick<RuntimeParts, 'store' | 'journal' | 'streams' | 'clock' | 'host'>;

/** Runs the recorded actions of a turn one after another; every step can be taken up again after a restart (SPEC {#actions}). */
export class Dispatcher {
  readonly #parts: Parts;
  readonly #queue: LoopQueue;
  readonly #actions: Actions;
  readonly #answers: Answers;
  readonly #asker: Asker;

  constructor(o: { parts: Parts; queue: LoopQueue; actions: Actions; answers: Answers; asker: Asker }) {
    this.#parts = o.parts;
    this.#queue = o.queue;
    this.#actions = o.actions;
    this.#answers = o.answers;
    this.#asker = o.asker;
  }

  /** Takes the turn from `dispatching` to `done`. */
  async dispatch(place: TurnPlace, signal: AbortSignal): Promise<void> {
    const { store, journal } = this.#parts;
    const { run, turn, loop } = place;
    const all = actionsOf(this.#parts, turn);
    const ordered = [...all.filter((entry) => !this.#ends(entry)), ...all.filter((entry) => this.#ends(entry))];
    let failed = false;
    for (const { id } of ordered) {
      const entry = await this.#carry(place, id, failed, signal);
      failed ||= entry !== undefined && hasFailed(entry);
    }
    signal.throwIfAborted();
    journal.commit('durable', (tx) => {
      if (this.#queue.loop(loop.id).status !== 102) return;
      store.turns.update(turn.id, { phase: 'done' });
      tellProgress(tx, run, turn.sequence, 'done', turn.text, turn);
    });
  }

  /** Takes one action as far as the turn has to wait for it. */
  async #carry(place: TurnPlace, entryId: number, failed: boolean, signal: AbortSignal): Promise<Entry | undefined> {
    const { store } = this.#parts;
    for (;;) {
      signal.throwIfAborted();
      const entry = store.entries.byId(entryId);
      if (!entry) return undefined;
      if (entry.status === 100) {
        if (failed) this.#stop(place.run, entry);
        else await this.#act(place, entry, signal);
      } else if (entry.status === 202 || (entry.status === 102 && changeOf(entry))) {
        await this.#answers.given(entryId, signal);
      } else if (entry.status === 102 && isCarriedOut(entry)) {
        await this.#carryOut(place, entry, signal);
      } else if (entry.status === 102 && !wasShownRunning(entry)) {
        await this.#watch(place.run, entry, signal);
      } else {
        return entry;
      }
    }
  }

  /** An earlier action failed: what the model wanted to do next may make no sense any more. */
  #stop(run: Run, entry: Entry): void {
    const [outcome, body] = this.#ends(entry)
      ? [
          'refused',
          'Not told, because an action of this turn failed; an end of the work is not accepted in such a turn. Look at the failure first.',
        ]
      : ['aborted', 'Not done, because an earlier action of this turn failed. Call it again if it is still what you want.'];
    this.#parts.journal.commit('durable', (tx) => this.#actions.close(tx, run, entry, 409, outcome, body));
  }

  async #act(place: TurnPlace, entry: Entry, signal: AbortSignal): Promise<void> {
    const { journal, store } = this.#parts;
    const { project, run, loop, turn, settings } = place;
    const refused = await this.#refusal(place, entry);
    signal.throwIfAborted();
    const tool = this.#parts.host.tool(toolOf(entry));
    const begun = refused ? undefined : this.#begin(entry, tool?.definition.traits ?? []);
    if (begun?.interrupted) return this.#interrupted(run, entry);
    const scope = { project, run, mode: loop.mode, settings, by: 'model', signal, begunAt: begun?.at };
    let prepared: Prepared;
    if (refused || !tool)
      prepared = {
        kind: 'settled',
        outcome: { kind: 'refused', ...(refused ?? { status: 404, outcome: 'no_tool', body: 'This tool is gone.' }) },
      };
    else prepared = await this.#actions.prepare(tool, inputOf(entry), turn.sequence, entry.path, scope);
    signal.throwIfAborted();
    journal.commit('durable', (tx) => {
      const now = store.entries.byId(entry.id);
      if (now?.status !== 100 || this.#queue.loop(loop.id).status !== 102) return;
      if (prepared.kind === 'settled') {
        this.#actions.settle(tx, run, now, prepared.outcome, 'model');
        return;
      }
      const { proposal, verdict } = prepared;
      if (verdict === 'deny') {
        const why = prepared.reason === '' ? '' : ` (${prepared.reason})`;
        const body = `A rule of this server does not allow this${why}. Do it another way, or ask the user.`;
        this.#actions.close(tx, run, now, 403, 'denied', body, prepared.judged);
      } else if (verdict === 'allow' && proposal.producer) {
        this.#actions.allow(tx, now, { ...proposal, producer: proposal.producer }, settings.yolo ? 'yolo' : 'policy');
      } else if (verdict === 'allow' && proposal.change) {
        this.#actions.allowChange(tx, run, now, proposal, settings.yolo ? 'yolo' : 'policy', this.#answers.changes);
      } else if (verdict === 'allow') {
        this.#actions.allowOwn(tx, run, now, proposal, settings.yolo ? 'yolo' : 'policy');
      } else {
        this.#actions.propose(tx, run, now, proposal);
        this.#queue.moveRun(tx, this.#queue.run(run.id), 'propose', null);
      }
    });
  }

  /** Notes that the handler is called, for tools that need to know; `interrupted`: it was called before and must not be again. */
  #begin(entry: Entry, traits: readonly ToolTrait[]): { at: number; interrupted: boolean } | undefined {
    if (!traits.includes('waits') && !traits.includes('once')) return undefined;
    const known = begunAtOf(entry);
    return { at: known ?? this.#noteBegin(entry), interrupted: known !== undefined && traits.includes('once') };
  }

  #noteBegin(entry: Entry): number {
    const { store, journal, clock } = this.#parts;
    const at = clock.now();
    const note = () => store.entries.update(entry.id, { attributes: { ...entry.attributes, begun_at: at } });
    journal.commit('durable', note);
    return at;
  }

  #interrupted(run: Run, entry: Entry): void {
    const body = 'The server went away while this was being done; whether it took effect is not known. Look before you do it again.';
    this.#parts.journal.commit('durable', (tx) => this.#actions.close(tx, run, entry, 500, 'interrupted', body));
  }

  /** Has the tool carry out what was accepted, once at most. */
  async #carryOut({ project, run, loop, turn, settings }: TurnPlace, entry: Entry, signal: AbortSignal): Promise<void> {
    const { journal, store, host } = this.#parts;
    if (begunAtOf(entry) !== undefined) return this.#interrupted(run, entry);
    const begunAt = this.#noteBegin(entry);
    const tool = host.tool(toolOf(entry));
    const scope = { project, run, mode: loop.mode, settings, by: 'model', signal, begunAt };
    const gone = { kind: 'failed', outcome: 'no_tool', body: 'This tool is gone.' } as const;
    const outcome = tool ? await this.#actions.carryOut(tool, inputOf(entry), turn.sequence, scope) : gone;
    signal.throwIfAborted();
    journal.commit('durable', (tx) => {
      const now = store.entries.byId(entry.id);
      if (now?.status === 102) this.#actions.settle(tx, run, now, outcome, 'model');
    });
  }

  /** Why an action is not even tried: unreadable, unknown, or not for this loop. */
  async #refusal(place: TurnPlace, entry: Entry): Promise<{ status: 403 | 404 | 422; outcome: string; body: string } | undefined> {
    const name = toolOf(entry);
    const { problem } = entry.attributes;
    if (typeof problem === 'string') {
      return {
        status: 422,
        outcome: 'bad_call',
        body: `This call of ${name} could not be read: ${problem}\nNothing was done. Write the call again, complete and exact.`,
      };
    }
    const offered = await this.#asker.offered(place);
    if (offered.includes(name)) return undefined;
    const instead = `Use one of ${offered.join(', ')}.`;
    if (!this.#parts.host.tool(name))
      return { status: 404, outcome: 'no_tool', body: `There is no tool "${name}". ${nearest(name, offered)}${instead}` };
    return { status: 403, outcome: 'not_offered', body: `The tool ${name} is not offered here. ${instead}` };
  }

  /** Waits for an accepted producer as long as the action yields, then notes what the model gets to see of it. */
  async #watch(run: Run, entry: Entry, signal: AbortSignal): Promise<void> {
    const { store, journal, streams, clock } = this.#parts;
    // Counted from the accept, so that a restart does not begin it again.
    const yieldMs = yieldMsOf(entry);
    const left = (resolutionOf(entry)?.at ?? clock.now()) + yieldMs - clock.now();
    const timeoutMs = Math.min(yieldMs, Math.max(0, left));
    if ((await streams.waitFor(entry.id, { timeoutMs, signal, or: ['input'] })) === 'ended') return;
    journal.commit('durable', (tx) => {
      const now = store.entries.byId(entry.id);
      if (now?.status !== 102) return;
      const channels = Object.fromEntries(channelEntries(store, now).map((one) => [String(channelNumber(one)), one.bytes]));
      tellEntry(tx, run, store.entries.update(now.id, { attributes: { ...now.attributes, shown: { channels, ...promptOf(now) } } }));
    });
  }

  #ends(entry: Entry): boolean {
    if (producerOf(entry)) return false;
    return this.#parts.host.tool(toolOf(entry))?.definition.traits?.includes('ends') ?? false;
  }
}

/** That it waits for input, as part of what the model is shown of it. */
function promptOf(entry: Entry): Pick<ShownMark, 'waiting'> {
  const fact = waitingOf(entry);
  return fact ? { waiting: fact.prompt === undefined ? {} : { prompt: fact.prompt } } : {};
}
