import { defined } from '../../core/defined.ts';
import { HeadgateError, isHeadgateError, messageOf } from '../../core/errors.ts';
import { requireLogPath } from '../../model/paths.ts';
import type { Entry, Run } from '../../model/records.ts';
import { parseSelector } from '../../model/selector.ts';
import type { ChannelState, JournalTx } from '../../stream/index.ts';
import { withChannels } from '../client-channels.ts';
import { checkReach } from '../kinds/planned.ts';
import type { Caller, RuntimeParts } from '../parts.ts';
import { checkRemember, remember } from '../remember.ts';
import { sandboxed } from '../sandbox-policy.ts';
import { tellEntry } from '../tell.ts';
import { Waiters } from '../waiters.ts';
import { changeOf, isModelAction, producerOf, type Resolution, resolutionOf, toolOf } from './attributes.ts';
import { FileChanges } from './file-changes.ts';
import type { LoopQueue } from './queue.ts';

type Parts = Pick<RuntimeParts, 'store' | 'journal' | 'streams' | 'clock' | 'logger' | 'host' | 'kinds' | 'policy' | 'sandbox'>;

/** Before an answer's output is stored again (milliseconds). */
const RETRY_MS = 1000;

/** An answer to a proposal, as `run/resolve` brings it. */
export interface Answer {
  readonly path: string;
  readonly action: 'accept' | 'reject' | 'error';
  readonly output?: string | undefined;
  readonly remember?: boolean | undefined;
  readonly runner?: string | undefined;
  /** Channels that the client fills beside those of the place, number to name. */
  readonly channels?: Readonly<Record<string, string>> | undefined;
}

/** What `run/resolve` returns. */
export interface Resolved {
  readonly run: string;
  readonly path: string;
  readonly status: number;
  readonly resolution: { readonly action: 'accept' | 'reject' | 'error'; readonly output?: string; readonly by: string };
  readonly channels?: ChannelState[];
  /** Rules that were written with it. */
  readonly remembered?: string[];
}

/** Answers to proposals: exactly one is taken, from any client (SPEC {#resolve_once}). */
export class Answers {
  /** Changes of files that have been accepted. */
  readonly changes: FileChanges;
  readonly #parts: Parts;
  readonly #queue: LoopQueue;
  readonly #waiters = new Waiters();

  constructor(parts: Parts, queue: LoopQueue) {
    this.#parts = parts;
    this.#queue = queue;
    this.changes = new FileChanges(parts, (entryId) => this.#waiters.wake(entryId));
  }

  /** Resolves once the proposal has been answered, or ended otherwise; of a change of a file, once it has been carried out. */
  async given(entryId: number, signal: AbortSignal): Promise<void> {
    const waits = (entry: Entry | undefined) => entry?.status === 202 || (entry?.status === 102 && changeOf(entry) !== undefined);
    while (waits(this.#parts.store.entries.byId(entryId))) await this.#waiters.wait(entryId, signal);
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
    checkRunner(answer);
    checkRemember(c.sight, answer);
    requireLogPath(answer.path);
    const { store, journal, clock } = this.#parts;
    const resolution: Resolution = {
      action: answer.action,
      by: c.client,
      at: clock.now(),
      ...defined({ output: answer.output }),
    };
    const { entry, channels, remembered } = journal.commit('durable', (tx) => {
      const waiting = this.#waiting(run, answer.path);
      const remembered = answer.remember ? remember(this.#parts.policy, tx, run, waiting, answer.action, c.client) : undefined;
      // The answer comes before what it brings about: a reader of the events in order sees the gate open, then the water.
      tx.event(run.projectId, run.alias, 'run/resolved', {
        run: run.alias,
        path: waiting.path,
        status: this.#statusAfter(answer, waiting),
        action: answer.action,
        by: c.client,
      });
      const channels = this.#apply(tx, run, waiting, answer, resolution);
      const now = this.#queue.run(run.id);
      if (isModelAction(waiting) && now.status === 202) this.#queue.moveRun(tx, now, 'resume', null);
      tx.after(() => this.#waiters.wake(waiting.id));
      return { entry: waiting, channels, remembered };
    });
    const after = store.entries.byId(entry.id) ?? entry;
    return {
      run: run.alias,
      path: after.path,
      status: after.status,
      resolution: { action: answer.action, by: c.client, ...defined({ output: answer.output }) },
      ...(channels ? { channels: this.#parts.streams.channelsOf(after) } : {}),
      ...(remembered ? { remembered } : {}),
    };
  }

  /** Completes accepts whose `output` stands for the command and was not stored before a crash. */
  recover(): void {
    this.changes.recover();
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
    if (typeof waiting.attributes['agent'] === 'string') {
      if (answer.runner !== undefined || answer.output !== undefined) {
        const problem = `the agent "${waiting.attributes['agent']}" does ${waiting.path} itself; leave runner and output out`;
        throw new HeadgateError('invalid_params', problem, { field: answer.runner === undefined ? 'output' : 'runner' });
      }
      const plan = producerOf(waiting);
      if (plan) return streams.open(tx, store.entries.update(waiting.id, { attributes }), plan);
      const status = waiting.attributes['asks'] === true ? 200 : 102;
      tellEntry(tx, run, store.entries.update(waiting.id, { status, attributes: { ...attributes, carried_out: true } }));
      return undefined;
    }
    if (changeOf(waiting)) {
      if (answer.runner !== undefined)
        throw new HeadgateError('invalid_params', `${waiting.path} changes a file, and nothing is run; leave runner out`, {
          field: 'runner',
        });
      this.changes.accept(tx, run, waiting, resolution);
      return undefined;
    }
    const plan = this.#planOf(run, waiting);
    if (!plan) {
      if (answer.output === undefined && this.#isOwn(waiting)) {
        tellEntry(tx, run, store.entries.update(waiting.id, { status: 102, attributes: { ...attributes, carried_out: true } }));
        return undefined;
      }
      if (!this.#parts.host.tool(toolOf(waiting))) {
        const problem = `no plugin of this server has the tool "${toolOf(waiting)}" any more, so ${waiting.path} can only be rejected`;
        throw new HeadgateError('unsupported', problem, { path: waiting.path });
      }
      if (answer.output === undefined) {
        throw new HeadgateError('invalid_params', `${waiting.path} is a question; give the answer as output`, { field: 'output' });
      }
      end(200, null, answer.output);
      return undefined;
    }
    checkPlace(plan.runner, answer.runner);
    const marked = store.entries.update(waiting.id, { attributes });
    if (answer.output === undefined)
      return streams.open(tx, marked, withChannels({ ...plan, runner: answer.runner ?? plan.runner }, answer.channels));
    const channels = streams.open(tx, marked, { ...plan, runner: 'client', channels: [1] });
    const { output } = answer;
    tx.after(() => this.#storeOutput(marked, output));
    return channels;
  }

  /** The status that an answer takes a proposal to: one that starts something runs, a question is answered. */
  #statusAfter({ action, output }: Answer, waiting: Entry): 102 | 200 | 403 | 500 {
    if (action === 'reject') return 403;
    if (action === 'error') return 500;
    if (typeof waiting.attributes['agent'] === 'string') return waiting.attributes['asks'] === true ? 200 : 102;
    return producerOf(waiting) || changeOf(waiting) || (output === undefined && this.#isOwn(waiting)) ? 102 : 200;
  }

  /** True for a proposal that its tool carries out itself. */
  #isOwn(waiting: Entry): boolean {
    return this.#parts.host.tool(toolOf(waiting))?.definition.accepted !== undefined;
  }

  /** What is to run: in the sandbox of today's configuration, also when it was proposed under another one. */
  #planOf(run: Run, waiting: Entry): ReturnType<typeof producerOf> {
    const { store, sandbox, kinds } = this.#parts;
    const plan = producerOf(waiting);
    if (!plan || !sandbox) return plan;
    checkReach(plan, kinds, sandbox);
    const project = store.projects.byId(run.projectId);
    if (!project) throw new HeadgateError('not_found', `the project of run ${run.alias} is gone, so nothing of it can be run`);
    return sandboxed(plan, sandbox, project.root);
  }

  /** The answerer's output takes the place of the command's: channel 1 of a producer without a process. */
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

/** Throws `invalid_params` for a runner that is to do what only a plugin of the server can. */
function checkPlace(planned: string, asked: string | undefined): void {
  if (asked === undefined || asked === 'client' || planned !== 'server') return;
  throw new HeadgateError(
    'invalid_params',
    `a plugin of the server does this, and runner "${asked}" cannot; leave runner out, or do it yourself with runner: "client"`,
    { field: 'runner' },
  );
}

/** Throws `invalid_params` for a text that is not a selector. A runner that does not exist yet is waited for (SPEC {#runner_selection}). */
export function requireRunner(runner: string): void {
  parseSelector(runner);
  if (runner === 'server')
    throw new HeadgateError('invalid_params', 'runner "server" is for what plugins do; leave runner out, and the server runs the command', {
      field: 'runner',
    });
}
