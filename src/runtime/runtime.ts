import { HeadgateError } from '../core/errors.ts';
import type { ContextPiece, LoopMode, ModelRecord, Run, RunSettings } from '../model/records.ts';
import { abortRun } from './abort.ts';
import { type ClientCommand, type CommandResult, Commands } from './commands.ts';
import { EntryOperations } from './entries.ts';
import { emitHooks } from './hook-events.ts';
import { Actions } from './loop/actions.ts';
import { type Answer, Answers, type Resolved } from './loop/answers.ts';
import { Asker } from './loop/ask.ts';
import { Dispatcher } from './loop/dispatch.ts';
import { Driver } from './loop/driver.ts';
import { LoopQueue } from './loop/queue.ts';
import { Models, type NewModel } from './models.ts';
import type { Caller, RuntimeParts } from './parts.ts';
import type { PluginInfo } from './plugin-host.ts';
import { type ProposalView, type RunInfo, type RunRow, Runs, type SettingsParams, settingsOf } from './runs.ts';
import { tellEntry } from './tell.ts';

/** What `ask` and `act` bring. */
export interface PromptParams extends SettingsParams {
  readonly prompt: string;
  readonly model?: string | undefined;
  readonly run?: string | undefined;
  readonly fork?: boolean | undefined;
  readonly wait?: boolean | undefined;
}

export interface PromptResult {
  readonly run: string;
  readonly loop: number;
  readonly status: number;
  readonly outcome?: string | null;
  readonly result?: string | null;
}

/**
 * Runs, loops, proposals, entries and plugins of a server, as the RPC methods see them. Results have the protocol's
 * shapes; errors are `HeadgateError`s.
 */
export class Runtime {
  /** Entry operations (SPEC {#entries}). */
  readonly entries: EntryOperations;
  readonly #parts: RuntimeParts;
  readonly #models: Models;
  readonly #runs: Runs;
  readonly #queue: LoopQueue;
  readonly #actions: Actions;
  readonly #answers: Answers;
  readonly #asker: Asker;
  readonly #driver: Driver;
  readonly #commands: Commands;
  /** Projects whose clients have been told which plugins are missing. */
  readonly #toldProjects = new Set<number>();
  #stopListening: (() => void) | undefined;

  constructor(parts: RuntimeParts) {
    this.#parts = parts;
    this.#models = new Models(parts);
    this.#runs = new Runs(parts, this.#models);
    this.#queue = new LoopQueue(parts, (runId) => this.#driver.kick(runId));
    this.#actions = new Actions(parts);
    this.#answers = new Answers(parts, this.#queue);
    this.#asker = new Asker(parts, this.#queue, (loop) => this.#models.get(this.#queue.run(loop.runId).projectId, loop.model));
    const shared = { parts, queue: this.#queue, actions: this.#actions, answers: this.#answers, asker: this.#asker };
    this.#driver = new Driver({ ...shared, dispatcher: new Dispatcher(shared) });
    this.#commands = new Commands(parts, this.#actions);
    this.entries = new EntryOperations(parts, (projectId, alias) => this.requireRun(projectId, alias));
  }

  /** Opens a run without a prompt. Throws not_found for the model, alias_taken. */
  startRun(c: Caller, params: SettingsParams & { model: string; alias?: string | undefined }): Run {
    this.#tellMissingPlugins(c.project.id);
    return this.#runs.start(c.project.id, { model: params.model, alias: params.alias, settings: settingsOf(params) });
  }

  /**
   * Queues a prompt. Without `wait` it answers at once with 102, or 100 behind another one; with it when the loop has
   * ended. Cancelling the request ends the waiting, not the loop (SPEC {#loop_queue}).
   */
  async prompt(c: Caller, mode: LoopMode, params: PromptParams): Promise<PromptResult> {
    refuseFork(params);
    this.#tellMissingPlugins(c.project.id);
    const known = params.run === undefined ? undefined : this.requireRun(c.project.id, params.run);
    const model = this.#modelFor(c, known, params.model);
    const { run, loop } = this.#parts.journal.commit('durable', (tx) => {
      const run = known ?? this.#runs.start(c.project.id, { model: model.alias, settings: {} });
      return { run, loop: this.#queue.enqueue(tx, run, { mode, prompt: params.prompt, model: model.alias, config: settingsOf(params) }) };
    });
    const answer = { run: run.alias, loop: loop.sequence };
    if (!params.wait) return { ...answer, status: loop.status };
    try {
      const { status, outcome, result } = await this.#queue.ended(loop.id, c.signal);
      return { ...answer, status, outcome, result };
    } catch (error) {
      if (!c.signal.aborted) throw error;
      throw new HeadgateError('cancelled', `the request was cancelled; the loop goes on, run/abort ends it`, {
        run: run.alias,
        loop: loop.sequence,
      });
    }
  }

  /** What `act` with these params would use; creates nothing. */
  async validate(
    c: Caller,
    params: PromptParams,
  ): Promise<{ run: string | null; model: { alias: string; actual: string; provider: string }; tools: string[]; plugins: string[] }> {
    refuseFork(params);
    const run = params.run === undefined ? undefined : this.requireRun(c.project.id, params.run);
    const { alias, actual, provider } = this.#modelFor(c, run, params.model);
    const settings: RunSettings = { ...run?.settings, ...settingsOf(params) };
    const tools = await this.#parts.hooks.apply('tools.offered', this.#parts.host.available('act', settings), {
      projectId: c.project.id,
      run: run?.alias ?? '',
      loop: 0,
      mode: 'act',
      settings,
    });
    const plugins = this.plugins().filter(({ error }) => error === undefined);
    return { run: run?.alias ?? null, model: { alias, actual, provider }, tools: [...tools], plugins: plugins.map(({ name }) => name) };
  }

  /** Answers a proposal; the first answer wins, others get `proposal_resolved` (SPEC {#resolve_once}). */
  resolve(c: Caller, run: string, answer: Answer): Resolved {
    return this.#answers.resolve(c, this.requireRun(c.project.id, run), answer);
  }

  /** Ends the run's loops (SPEC {#run_abort}). */
  abort(c: Caller, run: string): { run: string; status: number } {
    const { alias, status } = abortRun(
      { parts: this.#parts, queue: this.#queue, actions: this.#actions, answers: this.#answers, driver: this.#driver },
      this.requireRun(c.project.id, run),
      c.client,
    );
    return { run: alias, status };
  }

  rename(c: Caller, run: string, name: string): { run: string; status: number } {
    const { alias, status } = this.#runs.rename(c, run, name);
    return { run: alias, status };
  }

  /** Adds a message that the model reads in its next turn. */
  inject(c: Caller, alias: string, message: string): { run: string; path: string } {
    const { store, journal } = this.#parts;
    const run = this.requireRun(c.project.id, alias);
    const loop = store.loops.active(run.id) ?? store.loops.list(run.id).at(-1);
    const folder = `prompt://loop_${loop?.sequence ?? 0}/message_`;
    const number = store.entries.list({ runId: run.id, prefix: folder }).length + 1;
    const entry = journal.commit('durable', (tx) => {
      const created = store.entries.create({
        runId: run.id,
        path: `${folder}${number}`,
        category: 'prompt',
        status: 200,
        body: message,
        turn: run.turn,
        loopId: loop?.id ?? null,
        writer: c.client,
      });
      tellEntry(tx, run, created);
      return created;
    });
    return { run: run.alias, path: entry.path };
  }

  configure(
    c: Caller,
    run: string,
    params: SettingsParams & { model?: string | undefined },
  ): { run: string; model: string; settings: Record<string, unknown> } {
    const { alias, model, settings } = this.#runs.configure(c, run, params);
    return { run: alias, model, settings: { ...settings } };
  }

  /** Throws conflict while a loop or a command of it runs. */
  remove(c: Caller, run: string): void {
    this.#runs.remove(c, run);
  }

  proposals(projectId: number, run?: string): ProposalView[] {
    return this.#runs.proposals(projectId, run);
  }

  runInfo(projectId: number, run: string): RunInfo {
    return this.#runs.info(projectId, run);
  }

  listRuns(projectId: number, limit?: number, offset?: number): RunRow[] {
    return this.#runs.list(projectId, limit, offset);
  }

  context(projectId: number, run: string, turn?: number): { run: string; turn: number; pieces: ContextPiece[] } {
    return this.#runs.context(projectId, run, turn);
  }

  models(projectId: number): ModelRecord[] {
    return this.#models.list(projectId);
  }

  addModel(c: Caller, model: NewModel): { alias: string } {
    return this.#models.add(c.project.id, model);
  }

  removeModel(c: Caller, alias: string): void {
    this.#models.remove(c.project.id, alias);
  }

  /** A client's own command (SPEC {#client_commands}). */
  async command(c: Caller, action: 'sh' | 'env', command: ClientCommand): Promise<CommandResult> {
    return await this.#commands.propose(c, this.requireRun(c.project.id, command.run), action, command);
  }

  /** Throws not_found with what to do. */
  requireRun(projectId: number, alias: string): Run {
    return this.#runs.require(projectId, alias);
  }

  /** What became of every plugin. */
  plugins(): PluginInfo[] {
    return this.#parts.host.list();
  }

  /** After the stream layer is reconciled: takes up every loop that was active when the server went away (SPEC {#loop_restart}). */
  async start(): Promise<void> {
    const { store, journal, hooks } = this.#parts;
    this.#stopListening ??= journal.onEvent((event) => emitHooks(hooks, event));
    this.#answers.recover();
    for (const run of store.runs.withStatus([102, 202])) this.#driver.kick(run.id);
    hooks.emit('server.started', {});
  }

  /** Stops loops without ending them, then disposes the plugins. */
  async close(): Promise<void> {
    await this.#driver.close();
    this.#stopListening?.();
    await this.#parts.host.close();
  }

  #modelFor(c: Caller, run: Run | undefined, alias: string | undefined): ModelRecord {
    const name = alias ?? run?.model;
    if (name !== undefined) return this.#models.require(c.project.id, name);
    const known = this.models(c.project.id).map((model) => model.alias);
    throw new HeadgateError('invalid_params', `name a model, or a run that has one; models: ${known.join(', ')}`, { field: 'model' });
  }

  #tellMissingPlugins(projectId: number): void {
    if (this.#toldProjects.has(projectId)) return;
    this.#toldProjects.add(projectId);
    const missing = this.plugins().filter(({ error }) => error !== undefined);
    if (missing.length === 0) return;
    this.#parts.journal.commit('durable', (tx) => {
      for (const { name, error } of missing) {
        tx.event(projectId, null, 'ui/notify', { run: null, level: 'error', text: `plugin "${name}" is left out: ${error}` });
      }
    });
  }
}

function refuseFork(params: PromptParams): void {
  if (params.fork) {
    throw new HeadgateError('unsupported', 'copying a run is not part of this version; leave fork out, or open a new run with startRun', {
      field: 'fork',
    });
  }
}
