import { HeadgateError, isHeadgateError, messageOf } from '../../core/errors.ts';
import { requireLogPath } from '../../model/paths.ts';
import type { Entry, Run } from '../../model/records.ts';
import type { ChannelState, JournalTx } from '../../stream/index.ts';
import type { Caller, RuntimeParts } from '../parts.ts';
import { sandboxed } from '../sandbox-policy.ts';
import { tellEntry } from '../tell.ts';
import { Waiters } from '../waiters.ts';
import { isModelAction, producerOf, type Resolution, resolutionOf } from './attributes.ts';
import type { LoopQueue } from './queue.ts';

/** Before an answer's output is stored again (milliseconds). */
const RETRY_MS = 1000;

/** An answer to a proposal, as `run/resolve` brings it. */
export interface Answer {
  readonly path: string;
  readonly action: 'accept' | 'reject' | 'error';
  readonly output?: string | undefined;
  readonly remember?: boolean | undefined;
  readonly runner?: string | undefined;
}

/** What `run/resolve` answers. */
export interface Resolved {
  readonly run: string;
  readonly path: string;
  readonly status: number;
  readonly resolution: { readonly action: 'accept' | 'reject' | 'error'; readonly output?: string; readonly by: string };
  readonly channels?: ChannelState[];
}

/** Answers to proposals: exactly one is taken, whoever gives it (SPEC {#resolve_once}). */
export class Answers {
  readonly #parts: RuntimeParts;
  readonly #queue: LoopQueue;
  readonly #waiters = new Waiters();

  constructor(parts: RuntimeParts, queue: LoopQueue) {
    this.#parts = parts;
    this.#queue = queue;
  }

  /** Resolves once the proposal has been answered, or ended otherwise. */
  async given(entryId: number, signal: AbortSignal): Promise<void> {
    while (this.#parts.store.entries.byId(entryId)?.status === 202) await this.#waiters.wait(entryId, signal);
  }

  /** Wakes who waits for a proposal that ended without an answer. */
  wake(entryId: number): void {
    this.#waiters.wake(entryId);
  }

  /**
   * Takes an answer in one durable transaction. Throws not_found, unsupported, invalid_params, and proposal_resolved
   * with the answer that was there first.
   */
  resolve(c: Caller, run: Run, answer: Answer): Resolved {
    if (answer.remember) {
      throw new HeadgateError(
        'unsupported',
        'remembering answers is not part of this version; leave remember out, or use yolo to accept all of a run',
        {
          field: 'remember',
        },
      );
    }
    checkRunner(answer);
    requireLogPath(answer.path);
    const { store, journal, clock } = this.#parts;
    const resolution: Resolution = {
      action: answer.action,
      by: c.client,
      at: clock.now(),
      ...(answer.output === undefined ? {} : { output: answer.output }),
    };
    const { entry, channels } = journal.commit('durable', (tx) => {
      const waiting = this.#waiting(run, answer.path);
      // The answer comes before what it brings about: whoever reads the events in order sees the gate open, then the water.
      tx.event(run.projectId, run.alias, 'run/resolved', {
        run: run.alias,
        path: waiting.path,
        status: statusAfter(answer.action, waiting),
        action: answer.action,
        by: c.client,
      });
      const channels = this.#apply(tx, run, waiting, answer, resolution);
      const now = this.#queue.run(run.id);
      if (isModelAction(waiting) && now.status === 202) this.#queue.moveRun(tx, now, 'resume', null);
      tx.after(() => this.#waiters.wake(waiting.id));
      return { entry: waiting, channels };
    });
    const after = store.entries.byId(entry.id) ?? entry;
    return {
      run: run.alias,
      path: after.path,
      status: after.status,
      resolution: { action: answer.action, by: c.client, ...(answer.output === undefined ? {} : { output: answer.output }) },
      ...(channels ? { channels: this.#parts.streams.channelsOf(after) } : {}),
    };
  }

  /** Completes accepts whose `output` stands for the command and was not stored before a crash. */
  recover(): void {
    for (const producer of this.#parts.store.producers.list({ states: ['queued', 'running'], runner: 'client' })) {
      const entry = this.#parts.store.entries.byId(producer.entryId);
      const output = entry && resolutionOf(entry)?.output;
      if (entry && output !== undefined) this.#storeOutput(entry, output);
    }
  }

  #waiting(run: Run, path: string): Entry {
    const entry = this.#parts.store.entries.get(run.id, path);
    if (!entry)
      throw new HeadgateError('not_found', `there is no ${path} in run ${run.alias}; getProposals lists what waits`, {
        run: run.alias,
        path,
      });
    if (entry.status === 202) return entry;
    if (entry.status === 100) throw new HeadgateError('conflict', `${path} is no proposal yet; wait for run/proposal`, { path });
    const first = resolutionOf(entry) ?? null;
    const how = first
      ? `${first.by} answered it first with ${first.action}`
      : `it ended with ${entry.status} ${entry.outcome ?? ''}`.trimEnd();
    throw new HeadgateError('proposal_resolved', `${path} waits for no answer: ${how}`, {
      path,
      terminal_status: entry.status,
      resolution: first,
    });
  }

  #apply(tx: JournalTx, run: Run, waiting: Entry, answer: Answer, resolution: Resolution): ChannelState[] | undefined {
    const { store, streams } = this.#parts;
    const attributes = { ...waiting.attributes, resolution };
    const end = (status: 200 | 403 | 500, outcome: string | null, body: string) =>
      tellEntry(tx, run, store.entries.update(waiting.id, { status, outcome, body, attributes }));
    if (answer.action === 'reject') {
      end(403, 'rejected', answer.output ?? `Rejected by ${resolution.by}. Do something else, or ask why.`);
      return undefined;
    }
    if (answer.action === 'error') {
      end(500, 'error', answer.output ?? `${resolution.by} reported an error.`);
      return undefined;
    }
    const plan = this.#planOf(run, waiting);
    if (!plan) {
      if (answer.output === undefined) {
        throw new HeadgateError('invalid_params', `${waiting.path} is a question; give the answer as output`, { field: 'output' });
      }
      end(200, null, answer.output);
      return undefined;
    }
    const marked = store.entries.update(waiting.id, { attributes });
    if (answer.output === undefined) return streams.open(tx, marked, { ...plan, runner: answer.runner ?? plan.runner });
    const channels = streams.open(tx, marked, { ...plan, runner: 'client', channels: [1] });
    const { output } = answer;
    tx.after(() => this.#storeOutput(marked, output));
    return channels;
  }

  /** What is to run: in the sandbox of today's configuration, also when it was proposed under another one. */
  #planOf(run: Run, waiting: Entry): ReturnType<typeof producerOf> {
    const { store, sandbox } = this.#parts;
    const plan = producerOf(waiting);
    if (!plan || !sandbox) return plan;
    const project = store.projects.byId(run.projectId);
    if (!project) throw new HeadgateError('not_found', `the project of run ${run.alias} is gone, so nothing of it can be run`);
    return sandboxed(plan, sandbox, project.root);
  }

  /** The answerer's output takes the place of the command's: channel 1 of a producer that nobody runs. */
  #storeOutput(entry: Entry, output: string): void {
    const { streams, logger } = this.#parts;
    const failed = (error: unknown) => {
      logger.error({ path: entry.path, error: messageOf(error) }, 'an answer could not be stored as output');
      // A full disk: the same bytes at the same offset, so trying again repeats nothing. A restart tries as well.
      if (isHeadgateError(error, 'overloaded')) setTimeout(() => this.#storeOutput(entry, output), RETRY_MS).unref();
    };
    try {
      if (output !== '') {
        streams.append({ runId: entry.runId, path: entry.path, channel: 1, bytes: Buffer.from(output), offset: 0 }).catch(failed);
      }
      streams.completed(entry.runId, entry.path, { exitCode: 0 });
    } catch (error) {
      failed(error);
    }
  }
}

/** The status that an answer takes a proposal to: one with a producer runs, a question is answered. */
function statusAfter(action: Answer['action'], waiting: Entry): 102 | 200 | 403 | 500 {
  if (action === 'reject') return 403;
  if (action === 'error') return 500;
  return producerOf(waiting) ? 102 : 200;
}

function checkRunner(answer: Answer): void {
  if (answer.runner === undefined) return;
  if (answer.action !== 'accept') {
    throw new HeadgateError('invalid_params', `runner goes with accept only, not with ${answer.action}`, { field: 'runner' });
  }
  requireRunner(answer.runner);
  if (answer.output !== undefined) {
    throw new HeadgateError('invalid_params', 'give either output or runner: output means that nothing is run', { field: 'output' });
  }
}

/** Throws `invalid_params` for what no runner can be called. One that nobody has is waited for (SPEC {#runner_selection}). */
export function requireRunner(runner: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(runner)) return;
  throw new HeadgateError(
    'invalid_params',
    `"${runner}" is no name of a runner; give "embedded", "client", or the name or a label of a registered runner`,
    { field: 'runner', runner },
  );
}
