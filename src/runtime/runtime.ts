import { defined } from '../core/defined.ts';
import { HeadgateError } from '../core/errors.ts';
import type { Backend } from '../model/ports/backend.ts';
import type { Dialect } from '../model/provider-kind.ts';
import type { LoopMode, ModelRecord, Price, Run, RunSettings } from '../model/records.ts';
import type { Said } from '../model/said.ts';
import type { Sight } from '../model/sight.ts';
import type { JournalTx } from '../stream/index.ts';
import { abortRun } from './abort.ts';
import { AgentDriver } from './agents/driver.ts';
import { isInstalled, NO_MODEL, requireAgent } from './agents/settings.ts';
import { type ClientCommand, type CommandResult, Commands } from './commands.ts';
import { EntryOperations } from './entries.ts';
import { type StoreParams, type StoreResult, storeConstraint } from './file-constraints.ts';
import { FileOperations } from './file-operations.ts';
import { forkRun } from './fork.ts';
import { Skills } from './guides/skills.ts';
import { emitHooks } from './hook-events.ts';
import { Actions } from './loop/actions.ts';
import { type Answer, Answers, type Resolved } from './loop/answers.ts';
import { Asker } from './loop/ask.ts';
import { BuiltInLoop } from './loop/built-in.ts';
import { Dispatcher } from './loop/dispatch.ts';
import { Driver } from './loop/driver.ts';
import { LoopQueue } from './loop/queue.ts';
import { Wakes } from './loop/wakes.ts';
import { Models, type NewModel } from './models.ts';
import type { Caller, RuntimeParts } from './parts.ts';
import type { PluginInfo } from './plugin-host.ts';
import type { PluginMethod } from './plugin-methods.ts';
import { PolicyMethods } from './policy-methods.ts';
import { type ProposalView, type RunInfo, type RunRow, Runs, type SettingsParams, settingsOf } from './runs.ts';
import { tellEntry } from './tell.ts';
import { type TurnContext, turnContext } from './turn-context.ts';

/** What `ask` and `act` bring. */
export interface PromptParams extends SettingsParams {
  readonly prompt: string;
  readonly model?: string | undefined;
  readonly run?: string | undefined;
  readonly fork?: boolean | undefined;
  readonly wait?: boolean | undefined;
}

/** What a prompt would use. */
export interface ValidatedPrompt {
  readonly run: string | null;
  /** `problem`: why it cannot be asked, and what to do. */
  readonly model: { alias: string; actual: string; provider: string; dialect: Dialect; problem?: string };
  readonly tools: string[];
  readonly skills: string[];
  readonly plugins: string[];
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
  /** Skills and personas (SPEC {#skills}). */
  readonly skills: Skills;
  /** The same for files of the project (SPEC {#files}). */
  readonly files: FileOperations;
  /** Rules (SPEC {#policy_methods}). */
  readonly policy: PolicyMethods;
  readonly #parts: RuntimeParts;
  readonly #models: Models;
  readonly #runs: Runs;
  readonly #queue: LoopQueue;
  readonly #wakes: Wakes;
  readonly #actions: Actions;
  readonly #answers: Answers;
  readonly #asker: Asker;
  readonly #driver: Driver;
  readonly #commands: Commands;
  /** Projects whose clients have been told which plugins are missing. */
  readonly #toldProjects = new Set<number>();
  #stopListening: (() => void) | undefined;
  #started = false;

  constructor(parts: RuntimeParts) {
    this.#parts = parts;
    this.#models = new Models(parts);
    this.#runs = new Runs(parts, this.#models);
    this.skills = new Skills(parts);
    this.#queue = new LoopQueue(
      parts,
      (runId) => this.#kick(runId),
      (tx, runId) => this.#wakes.look(tx, runId),
    );
    this.#wakes = new Wakes(parts, this.#queue);
    parts.streams.onEnd((tx, entry) => this.#wakes.ended(tx, entry));
    this.#actions = new Actions(parts);
    this.#answers = new Answers(parts, this.#queue);
    this.#asker = new Asker(parts, this.#queue, (loop) => this.#models.get(this.#queue.run(loop.runId).projectId, loop.model));
    const shared = { parts, queue: this.#queue, actions: this.#actions, answers: this.#answers, asker: this.#asker };
    const builtIn = new BuiltInLoop({ ...shared, dispatcher: new Dispatcher(shared) });
    const agents = new AgentDriver(parts, this.#queue, this.#answers);
    const driverOf = (run: Run) => (run.settings.agent === undefined ? builtIn : agents);
    this.#driver = new Driver({ parts, queue: this.#queue, driverOf });
    this.#commands = new Commands(parts, this.#actions);
    this.policy = new PolicyMethods(parts);
    this.entries = new EntryOperations(parts, (sight, alias) => this.requireRun(sight, alias));
    this.files = new FileOperations(parts, this.entries, (sight, alias) => this.requireRun(sight, alias));
  }

  /** Opens a run without a prompt. Throws not_found for the model, alias_taken. */
  startRun(c: Caller, params: SettingsParams & { model?: string | undefined; alias?: string | undefined }): Run {
    this.#tellMissingPlugins(c.project.id);
    const { agent, alias } = params;
    if (agent !== undefined) requireAgent(this.#parts.agents, agent);
    const model = params.model ?? (agent === undefined ? undefined : NO_MODEL);
    return this.#runs.start(c.sight, { model: this.#modelFor(c, undefined, model).alias, alias, settings: this.#settings(c, params) });
  }

  /** Agents of others that can drive runs (SPEC {#agents}). */
  agents(): { agent: string; command: string; installed: boolean }[] {
    return Object.entries(this.#parts.agents).map(([agent, { command, args }]) => ({
      agent,
      command: [command, ...args].join(' '),
      installed: isInstalled(command),
    }));
  }

  /**
   * Queues a prompt. Without `wait` it returns at once with 102, or 100 behind another one; with it when the loop has
   * ended. Cancelling the request ends the waiting, not the loop (SPEC {#loop_queue}).
   */
  async prompt(c: Caller, mode: LoopMode, params: PromptParams): Promise<PromptResult> {
    requireForked(params);
    this.#tellMissingPlugins(c.project.id);
    if (params.persona !== undefined) await this.#parts.guides.refresh('personas', c.project.root);
    const known = params.run === undefined ? undefined : this.requireRun(c.sight, params.run);
    if (params.agent !== undefined) {
      requireAgent(this.#parts.agents, params.agent);
      if (known && known.settings.agent !== params.agent)
        throw new HeadgateError(
          'invalid_params',
          `run ${known.alias} is not driven by ${params.agent}; leave run out for a run of its own`,
          {
            field: 'agent',
          },
        );
    }
    const model = this.#modelFor(c, known, params.model ?? (params.agent === undefined ? undefined : NO_MODEL));
    const prompted = (tx: JournalTx, run: Run) => ({
      run,
      loop: this.#queue.enqueue(
        tx,
        run,
        { mode, prompt: params.prompt, model: model.alias, config: this.#settings(c, params) },
        { traceparent: c.traceparent },
      ),
    });
    const { run, loop } =
      known && params.fork
        ? await forkRun(this.#parts, known, { by: c.sight }, prompted)
        : this.#parts.journal.commit('durable', (tx) =>
            prompted(tx, known ?? this.#runs.start(c.sight, { model: model.alias, settings: { ...defined({ agent: params.agent }) } })),
          );
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
  async validate(c: Caller, params: PromptParams): Promise<ValidatedPrompt> {
    requireForked(params);
    const run = params.run === undefined ? undefined : this.requireRun(c.sight, params.run);
    const model = this.#modelFor(c, run, params.model);
    const { alias, actual, provider } = model;
    const settings: RunSettings = { ...run?.settings, ...this.#settings(c, params) };
    const tools = await this.#parts.hooks.apply('tools.offered', this.#parts.host.available('act', settings), {
      projectId: c.project.id,
      run: run?.alias ?? '',
      loop: 0,
      mode: 'act',
      settings,
    });
    const plugins = this.plugins().filter(({ error }) => error === undefined);
    const problem = this.#models.problemOf(model);
    const facts = { alias, actual, provider, dialect: this.#models.dialectOf(model), ...defined({ problem }) };
    const skills = (await this.skills.listed('skills', c.project.root)).filter((skill) => skill.problem === undefined);
    const names = (all: readonly { readonly name: string }[]) => all.map(({ name }) => name);
    return { run: run?.alias ?? null, model: facts, tools: [...tools], skills: names(skills), plugins: names(plugins) };
  }

  /** Answers a proposal; the first answer wins, others get `proposal_resolved` (SPEC {#resolve_once}). */
  resolve(c: Caller, run: string, answer: Answer): Resolved {
    return this.#answers.resolve(c, this.requireRun(c.sight, run), answer);
  }

  /** Ends the run's loops (SPEC {#run_abort}). */
  abort(c: Caller, run: string): { run: string; status: number } {
    const { alias, status } = this.#abort(this.requireRun(c.sight, run), c.client);
    return { run: alias, status };
  }

  /** Within the caller's transaction: ends the loops that were at work, which are another server's (SPEC {#data_copy}). What waits for an answer waits on. */
  disown(by: string): void {
    for (const run of this.#parts.store.runs.withStatus([102])) this.#abort(run, by);
  }

  #abort(run: Run, by: string): Run {
    return abortRun(
      { parts: this.#parts, queue: this.#queue, actions: this.#actions, answers: this.#answers, driver: this.#driver },
      run,
      by,
    );
  }

  rename(c: Caller, run: string, name: string): { run: string; status: number } {
    const { alias, status } = this.#runs.rename(c, run, name);
    return { run: alias, status };
  }

  /** Adds a message that the model reads in its next turn. Throws `unsupported` for a run that an agent drives. */
  inject(c: Caller, alias: string, message: string): { run: string; path: string } {
    const { store, journal } = this.#parts;
    const run = this.requireRun(c.sight, alias);
    if (run.settings.agent !== undefined)
      throw new HeadgateError('unsupported', `the agent "${run.settings.agent}" reads prompts only; queue one with act`, { run: alias });
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
    const { alias, model, settings } = this.#runs.configure(c, run, { ...params, ...this.#settings(c, params) });
    return { run: alias, model, settings: { ...settings } };
  }

  /** Copies a run (SPEC {#run_fork}). */
  async fork(c: Caller, alias: string, name?: string): Promise<{ run: string; status: number }> {
    const run = this.requireRun(c.sight, alias);
    return await forkRun(this.#parts, run, { by: c.sight, name }, (_, fork) => ({ run: fork.alias, status: fork.status }));
  }

  /** Sets a run's persona for later loops; with neither name nor text it has none. Throws not_found for the name. */
  setPersona(
    c: Caller,
    run: string,
    { name, text }: { name?: string | undefined; text?: string | undefined },
  ): { run: string; persona: string | null } {
    if (name !== undefined && text !== undefined)
      throw new HeadgateError('invalid_params', 'give either the name of a persona or a text', { field: 'text' });
    const persona = name === undefined ? (text ?? '') : this.skills.persona(c.project.root, name);
    const { alias } = this.#runs.configure(c, run, { persona });
    return { run: alias, persona: persona === '' ? null : persona };
  }

  /** Throws conflict while a loop or a command of it runs. */
  remove(c: Caller, run: string): void {
    this.#runs.remove(c, run);
  }

  async proposals(sight: Sight, run?: string): Promise<ProposalView[]> {
    return await this.#runs.proposals(sight, run);
  }

  runInfo(sight: Sight, run: string): RunInfo {
    return this.#runs.info(sight, run);
  }

  listRuns(sight: Sight, limit?: number, offset?: number): RunRow[] {
    return this.#runs.list(sight, limit, offset);
  }

  /** What the model was sent in a turn. Throws not_found for a turn that was not. */
  context(sight: Sight, run: string, part: { turn?: number; body?: boolean } = {}): TurnContext {
    return turnContext(this.#parts, this.requireRun(sight, run), part);
  }

  /** The models that runs can name, each with the dialect in which it is asked. */
  models(projectId: number): (Omit<ModelRecord, 'price'> & { dialect: Dialect; price: Price | null })[] {
    return this.#models.list(projectId).map((model) => ({ ...model, dialect: this.#models.dialectOf(model), price: model.price ?? null }));
  }

  /** Tells of what models say while they say it; returns how to stop it (SPEC {#model_stream}). */
  onText(listener: (said: Said) => void): () => void {
    return this.#parts.live.on(listener);
  }

  addModel(c: Caller, model: NewModel): { alias: string; problem?: string } {
    return this.#models.add(c.project.id, model);
  }

  removeModel(c: Caller, alias: string): void {
    this.#models.remove(c.project.id, alias);
  }

  /** Constraints of files (SPEC {#file_constraints}). */
  constrainFiles(c: Caller, params: StoreParams): StoreResult {
    if (params.run !== undefined) this.requireRun(c.sight, params.run);
    return storeConstraint(this.#parts, c, params);
  }

  /** A client's own command (SPEC {#client_commands}). */
  async command(c: Caller, action: 'sh' | 'env', command: ClientCommand): Promise<CommandResult> {
    return await this.#commands.propose(c, this.requireRun(c.sight, command.run), action, command);
  }

  /** The one door to a run by its alias. Throws not_found with what to do, also for a run that is there and out of sight (SPEC {#own_runs}). */
  requireRun(sight: Sight, alias: string): Run {
    return this.#runs.require(sight, alias);
  }

  /** Producers that plugins run in the server, as the backends of the runner `server` (SPEC {#plugin_producers}). */
  get kinds(): ReadonlyMap<string, Backend> {
    return this.#parts.kinds;
  }

  /** RPC methods of plugins by their full names (SPEC {#plugin_methods}). */
  get pluginMethods(): ReadonlyMap<string, PluginMethod> {
    return this.#parts.methods;
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
    this.#started = true;
    const ids = [...store.runs.withStatus([102, 202]).map(({ id }) => id), ...store.agents.prompted()];
    for (const id of new Set(ids)) this.#driver.kick(id);
    hooks.emit('server.started', {});
  }

  /** Stops loops without ending them, then disposes the plugins. */
  async close(): Promise<void> {
    await this.#driver.close();
    this.#stopListening?.();
    await this.#parts.host.close();
  }

  #settings(c: Caller, params: SettingsParams): RunSettings {
    const settings = settingsOf(params);
    const { persona } = settings;
    return persona === undefined ? settings : { ...settings, persona: this.skills.personaOr(c.project.root, persona) };
  }

  /** Before the start, loops only begin: the end of a command may wake one. */
  #kick(runId: number): void {
    if (this.#started) this.#driver.kick(runId);
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

function requireForked(params: PromptParams): void {
  if (params.fork && params.run === undefined)
    throw new HeadgateError('invalid_params', 'fork copies a run; name it with run, or leave fork out', { field: 'run' });
}
