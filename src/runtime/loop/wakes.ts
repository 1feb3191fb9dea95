import { isEnd } from '../../core/end-status.ts';
import type { Entry, Loop, Run } from '../../model/records.ts';
import type { JournalTx } from '../../stream/index.ts';
import type { RuntimeParts } from '../parts.ts';
import { tellEntry } from '../tell.ts';
import { endWords, wasShownRunning } from './attributes.ts';
import type { LoopQueue } from './queue.ts';

type Parts = Pick<RuntimeParts, 'store' | 'limits'>;

/** Commands of one wake that its prompt names; the others are told in its context as well. */
const MAX_NAMED = 20;

/**
 * Wakes a run when a command that asked for it has ended in the background and no loop is there to be told: queues one,
 * in the transaction of the end, or of the end of the loop that was there (SPEC {#wake}).
 */
export class Wakes {
  readonly #parts: Parts;
  readonly #queue: LoopQueue;

  constructor(parts: Parts, queue: LoopQueue) {
    this.#parts = parts;
    this.#queue = queue;
  }

  /** A producer has ended, within the transaction that stores it. */
  ended(tx: JournalTx, entry: Entry): void {
    if (isPending(entry)) this.look(tx, entry.runId);
  }

  /** Wakes a run where that is due: also called when one of its loops has ended. */
  look(tx: JournalTx, runId: number): void {
    const { store, limits } = this.#parts;
    const run = this.#queue.run(runId);
    // A person or a limit has stopped it: only a person makes it go on.
    if (run.status === 499 || store.loops.active(runId)) return;
    const pending = store.entries.list({ runId, prefix: 'log://' }).filter(isPending);
    const last = pending.at(-1);
    const loop = last?.loopId ? store.loops.byId(last.loopId) : undefined;
    if (!last || !loop) return;
    if (this.#inARow(run) >= limits.wakes) this.#refuse(tx, run, pending);
    else this.#wake(tx, run, loop, pending);
  }

  #wake(tx: JournalTx, run: Run, { mode, model, config }: Loop, pending: readonly Entry[]): void {
    const lines = pending.slice(0, MAX_NAMED).map((entry) => `${entry.path} has ended: ${endWords(entry)}.`);
    const more = pending.length > MAX_NAMED ? [`${pending.length - MAX_NAMED} more have ended.`] : [];
    const prompt = [...lines, ...more, 'You asked to be woken. Go on with what you wanted it for.'].join('\n');
    const woken = this.#queue.enqueue(tx, run, { mode, prompt, model, config }, { writer: 'server' });
    this.#mark(pending, woken.sequence);
  }

  /** Too many in a row: the end is told with the next prompt of a person. */
  #refuse(tx: JournalTx, run: Run, pending: readonly Entry[]): void {
    const { store, limits } = this.#parts;
    this.#mark(pending, 0);
    const names = pending.map(({ path }) => path).join(', ');
    const body = `Not woken for ${names}: the run has been woken ${limits.wakes} times in a row without a prompt of a person. Ask it to go on.`;
    const path = `log://turn_${run.turn}/loop/wakes-${pending.at(-1)?.id ?? 0}`;
    const entry = store.entries.create({
      runId: run.id,
      path,
      category: 'logging',
      status: 499,
      outcome: 'wakes',
      body,
      turn: run.turn,
      writer: 'server',
    });
    tellEntry(tx, run, entry);
    tx.event(run.projectId, run.alias, 'ui/notify', { run: run.alias, level: 'warn', text: body });
  }

  /** Once: whatever comes of the loop, these wake no loop again. */
  #mark(pending: readonly Entry[], woke: number): void {
    const { entries } = this.#parts.store;
    for (const { id, attributes } of pending) entries.update(id, { attributes: { ...attributes, woke } });
  }

  /** Loops at the end of the run's list that only the server asked for. */
  #inARow(run: Run): number {
    const loops = this.#parts.store.loops.list(run.id);
    const last = loops.findLastIndex(({ sequence }) => !isWoken(this.#parts.store.entries.get(run.id, `prompt://loop_${sequence}/user`)));
    return loops.length - 1 - last;
  }
}

/** Asked to wake, ended in the background, and not yet told to the model. */
function isPending(entry: Entry): boolean {
  const { wake, woke, told_turn } = entry.attributes;
  const ended = isEnd(entry.status);
  return wake === true && ended && wasShownRunning(entry) && woke === undefined && told_turn === undefined;
}

function isWoken(prompt: Entry | undefined): boolean {
  return prompt?.attributes['by'] === 'server';
}
