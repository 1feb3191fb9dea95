import type { z } from 'zod';
import type { Logger } from '../core/logger.ts';
import type { PlannedChange } from '../model/file-change.ts';
import type { Attributes, LoopMode, ProducerSpec, Project, RunSettings, Visibility } from '../model/records.ts';
import type { CommandAccess } from './commands.ts';
import type { MethodDefinition } from './method.ts';
import type { ProducerDefinition, ProposedServerProducer } from './producer.ts';
import type { EventName, EventPayloads, FilterName, FilterPayload, FilterValue } from './table.ts';
import type { EntryAccess, FileAccess, SkillAccess } from './views.ts';

/**
 * interaction: it asks a person; web: it reaches out; repo: it reads or writes the project; proposes: it ends in a
 * proposal; ends: it is dispatched after the turn's other actions; waits: it may take long, and knows when it first began;
 * once: its handler is never called again for the same action, also after a crash; writes: it changes entries, files or
 * anything else, and is not offered in `ask` mode (SPEC {#ask_mode}).
 */
export type ToolTrait = 'interaction' | 'web' | 'repo' | 'proposes' | 'ends' | 'waits' | 'once' | 'writes';

/** Statuses with which a handler may refuse an action. */
export type RefusalStatus = 400 | 403 | 404 | 409 | 413 | 422 | 501;

/** What acceptance of a tool's proposal starts. */
export interface ProposedProducer {
  readonly backend: string;
  /** `embedded`, or `client`: the client that accepts it runs it and streams. */
  readonly runner: string;
  readonly spec: ProducerSpec;
  readonly channels: readonly number[];
}

/** An entry that a tool writes; stored together with the action's end, or not at all. */
export interface EntryWrite {
  /** Path of the entry, such as `known://notes`; log entries, prompts and channels are the server's own. */
  readonly path: string;
  /** The entry's text, 4 MiB at most. Left out: not changed. */
  readonly body?: string;
  /** True: `body` goes behind the text that is there, in the same transaction. */
  readonly append?: boolean;
  /** Facts about the entry, as JSON. Left out: not changed. */
  readonly attributes?: Attributes;
  /** `visible`, `summarized` or `archived`. */
  readonly visibility?: Visibility;
  /** True: refused with `conflict` when the path exists. Default: an existing entry is overwritten. */
  readonly create?: boolean;
}

/** A change of a file, as `files.plan` returns it, and the entries that go with it once it is done (SPEC {#file_edits}). */
export interface ProposedChange extends PlannedChange {
  readonly writes?: readonly EntryWrite[];
  readonly removes?: readonly string[];
}

/** How a handler ends its action (SPEC {#actions}). */
export type ToolOutcome =
  | {
      readonly kind: 'done';
      readonly body: string;
      readonly attributes?: Attributes;
      readonly writes?: readonly EntryWrite[];
      /** Paths of entries that are removed, after the writes and in the same transaction. */
      readonly removes?: readonly string[];
      readonly ends?: boolean;
    }
  | { readonly kind: 'refused'; readonly status: RefusalStatus; readonly body: string; readonly outcome?: string }
  | { readonly kind: 'failed'; readonly body: string; readonly outcome?: string }
  | {
      readonly kind: 'proposal';
      readonly summary: string;
      /**
       * With a producer: accept starts it. With a change: accept carries it out. With neither: the tool's `accepted` carries it out,
       * or it is a question and accept needs an `output`, which becomes the entry's body; `attributes.question` is its text, `summary`
       * when left out, and `attributes.options` are answers to choose from (SPEC {#ask_user}).
       */
      readonly producer?: ProposedProducer | ProposedServerProducer;
      readonly change?: ProposedChange;
      /**
       * What rules are matched against: a path `file://...`, a URL, or any text. Left out: the command of the producer, taken apart
       * as a shell command; without one the input's `path` or `url` (SPEC {#policy_rules}).
       */
      readonly subject?: string;
      /** How long the turn waits for the producer after the accept, milliseconds. */
      readonly yieldMs?: number;
      readonly attributes?: Attributes;
    };

/** An outcome that ends its action. */
export type SettledOutcome = Exclude<ToolOutcome, { kind: 'proposal' }>;

/** What a handler is given beside its input. */
export interface ToolCallContext {
  /** The project: `id`, `name`, `root`, `configPath`. */
  readonly project: Project;
  /** Alias of the run. */
  readonly run: string;
  /** `ask` looks only, `act` may change something. */
  readonly mode: LoopMode;
  /** Number of the turn in the run. */
  readonly turn: number;
  /** Settings of the run and of this prompt. */
  readonly settings: RunSettings;
  /** Read access to the run. */
  readonly entries: EntryAccess;
  /** Skills that can be attached. */
  readonly skills: SkillAccess;
  /** The run's commands. */
  readonly commands: CommandAccess;
  /**
   * Milliseconds since the handler of this action was first called; with trait `waits` they include the time before a crash, after which
   * the handler is called again.
   */
  elapsedMs(): number;
  /** The project's files; undefined with `noRepo`. */
  readonly files: FileAccess | undefined;
  /** Aborted when the run is aborted or the server stops; work after that is dropped. */
  readonly signal: AbortSignal;
}

/**
 * A tool. Its handler is called again if the server crashed during the call: effects outside of the server belong into a
 * proposal, what is stored belongs into `writes`.
 *
 * @example
 * ```js
 * export default {
 *   name: 'clock',
 *   setup({ tool, z }) {
 *     tool({
 *       name: 'clock',
 *       doc: 'The time.\n\n```json\n{"zone": "Europe/Berlin"}\n```\n',
 *       params: z.strictObject({ zone: z.string().default('UTC') }),
 *       handler: ({ zone }) => ({ kind: 'done', body: new Date().toLocaleString('en', { timeZone: zone }) }),
 *     });
 *   },
 * };
 * ```
 */
export interface ToolDefinition<P extends z.ZodType = z.ZodType> {
  /** `[a-z][a-z0-9_]*`, 64 characters at most; the action in `log://turn_N/{name}/{slug}`. */
  readonly name: string;
  /** Markdown that the model reads. */
  readonly doc: string;
  /** A zod object; the model sees its JSON Schema, and an input that does not fit it never reaches the handler. */
  readonly params: P;
  /** A JSON Schema of type `object`, which the model sees instead of that of `params`. */
  readonly inputSchema?: Readonly<Record<string, unknown>>;
  /** Default: both. */
  readonly modes?: readonly LoopMode[];
  /**
   * `interaction`, `web`, `repo`, `proposes`: left out with `noInteraction`, `noWeb`, `noRepo`, `noProposals`. `ends`: dispatched after the
   * turn's other actions. `writes`: not offered in `ask` mode. `waits`: the handler may take long, and `elapsedMs()` keeps counting over a
   * crash. `once`: the handler is never called again for the same action.
   */
  readonly traits?: readonly ToolTrait[];
  /** One line for people, from an input that fits `params`. Default: the tool's name. */
  summary?(input: z.output<P>): string;
  /** Carries the action out, and returns how it ends. */
  handler(input: z.output<P>, call: ToolCallContext): ToolOutcome | Promise<ToolOutcome>;
  /**
   * Carries out an accepted proposal that has no producer. Called once at most: if a crash interrupts the call, the action ends with 500
   * `interrupted`. Not called for an accept with an `output`.
   */
  accepted?(input: z.output<P>, call: ToolCallContext): SettledOutcome | Promise<SettledOutcome>;
}

/** What distinguishes one command tool from another. */
export interface CommandToolOptions {
  readonly name: string;
  /** Markdown that the model reads. */
  readonly doc: string;
  readonly modes?: readonly LoopMode[];
  readonly traits?: readonly ToolTrait[];
}

/** Handlers run by priority, low first, then in order of registration. */
export interface HookOptions {
  /** Default 500; the bundled plugins use 100 to 400. */
  readonly priority?: number;
}

/** What a plugin is handed (SPEC {#plugins}). Registrations end with the plugin. */
export interface PluginContext {
  /** The zod that the host uses, so that a plugin needs no dependency. */
  readonly z: typeof z;
  /** The server's log: `info(facts, message)`, `warn`, `error`, `debug`. */
  readonly logger: Logger;
  /** Adds a tool; returns a function that removes it. */
  tool<P extends z.ZodType>(definition: ToolDefinition<P>): () => void;
  /** Adds a kind of producer that runs in the server, for tools to propose with `runner: 'server'` (SPEC {#plugin_producers}). */
  producer(definition: ProducerDefinition): void;
  /** Adds an RPC method, served as `<plugin>/<name>` (SPEC {#plugin_methods}). */
  method<P extends z.ZodType>(definition: MethodDefinition<P>): void;
  /**
   * Adds a kind of secret to mask: `pattern` is its public beginning, a set of characters and a length, such as `acme_[A-Za-z0-9]{32}`
   * (SPEC {#redaction_plugins}).
   */
  secrets(secret: { readonly name: string; readonly pattern: string }): void;
  /** Makes a tool that proposes a shell command, as `sh` does. */
  commandTool(options: CommandToolOptions): void;
  /** Calls `handler` for each event of that name. `options`: `{priority}`, 500 by default. */
  on<N extends EventName>(name: N, handler: (payload: EventPayloads[N]) => void | Promise<void>, options?: HookOptions): void;
  /**
   * Calls `handler(value, payload)` to change a value; the handler returns the value that the next one is given. `options`: `{priority}`.
   */
  filter<N extends FilterName>(
    name: N,
    handler: (value: FilterValue<N>, payload: FilterPayload<N>) => FilterValue<N> | Promise<FilterValue<N>>,
    options?: HookOptions,
  ): void;
  /** Passes a value through the handlers of a filter. */
  apply<N extends FilterName>(name: N, value: FilterValue<N>, payload: FilterPayload<N>): Promise<FilterValue<N>>;
  /** A short message for people: notification `ui/notify`. `scope` is `{projectId, run?}`, `level` `info`, `warn` or `error`. */
  notify(scope: { projectId: number; run?: string }, level: 'info' | 'warn' | 'error', text: string): void;
  /** A text that clients show: notification `ui/render`. */
  render(scope: { projectId: number; run?: string }, text: string): void;
  /** Runs `cleanup` when the plugin is disposed; the last registered first. */
  dispose(cleanup: () => void | Promise<void>): void;
}

/**
 * A plugin: the default export of its module.
 *
 * @example
 * ```js
 * export default {
 *   name: 'no-push',
 *   setup({ filter, on, logger }) {
 *     filter('proposal.verdict', (verdict, { command }) => (command?.includes('git push') ? 'deny' : verdict));
 *     on('producer.ended', ({ path, status }) => logger.info({ path, status }, 'a command has ended'));
 *   },
 * };
 * ```
 */
export interface Plugin {
  readonly name: string;
  /** A promise that it returns is awaited. */
  setup(context: PluginContext): unknown;
}
