import type { z } from 'zod';
import type { Logger } from '../core/logger.ts';
import type { Attributes, LoopMode, ProducerSpec, Project, RunSettings, Visibility } from '../model/records.ts';
import type { EventName, EventPayloads, FilterName, FilterPayload, FilterValue } from './table.ts';
import type { EntryAccess } from './views.ts';

/**
 * interaction: it asks a person; web: it reaches out; repo: it reads or writes the project; proposes: it ends in a
 * proposal; ends: it is dispatched after the turn's other actions.
 */
export type ToolTrait = 'interaction' | 'web' | 'repo' | 'proposes' | 'ends';

/** Statuses with which a handler may refuse an action. */
export type RefusalStatus = 400 | 403 | 404 | 409 | 413 | 422 | 501;

/** What acceptance of a tool's proposal starts. */
export interface ProposedProducer {
  readonly backend: string;
  /** `embedded`, or `client`: whoever accepts it runs it and streams. */
  readonly runner: string;
  readonly spec: ProducerSpec;
  readonly channels: readonly number[];
}

/** An entry that a tool writes; stored together with the action's end, or not at all. */
export interface EntryWrite {
  readonly path: string;
  readonly body?: string;
  readonly attributes?: Attributes;
  readonly visibility?: Visibility;
}

/** How a handler ends its action (SPEC {#actions}). */
export type ToolOutcome =
  | {
      readonly kind: 'done';
      readonly body: string;
      readonly attributes?: Attributes;
      readonly writes?: readonly EntryWrite[];
      readonly ends?: boolean;
    }
  | { readonly kind: 'refused'; readonly status: RefusalStatus; readonly body: string; readonly outcome?: string }
  | { readonly kind: 'failed'; readonly body: string; readonly outcome?: string }
  | {
      readonly kind: 'proposal';
      readonly summary: string;
      /** With a producer: accept starts it. Without: accept needs an `output`, which becomes the entry's body. */
      readonly producer?: ProposedProducer;
      /** How long the turn waits for the producer after the accept, milliseconds. */
      readonly yieldMs?: number;
      readonly attributes?: Attributes;
    };

/** What a handler is given beside its input. */
export interface ToolCallContext {
  readonly project: Project;
  readonly run: string;
  readonly mode: LoopMode;
  readonly turn: number;
  readonly settings: RunSettings;
  readonly entries: EntryAccess;
  /** Aborted when the run is aborted or the server stops; work after that is dropped. */
  readonly signal: AbortSignal;
}

/**
 * A tool. Its handler may be called again after a crash of the server in the middle of it: what has effects outside
 * the server belongs into a proposal, what is stored belongs into `writes`.
 */
export interface ToolDefinition<P extends z.ZodType = z.ZodType> {
  /** a-z, 0-9 and _: also the action in the log entry's path. */
  readonly name: string;
  /** Markdown that the model reads. */
  readonly doc: string;
  /** A zod object; the model sees its JSON Schema. */
  readonly params: P;
  /** Default: both. */
  readonly modes?: readonly LoopMode[];
  readonly traits?: readonly ToolTrait[];
  /** One line for people, from an input that fits `params`. Default: the tool's name. */
  summary?(input: z.output<P>): string;
  handler(input: z.output<P>, call: ToolCallContext): ToolOutcome | Promise<ToolOutcome>;
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
  readonly logger: Logger;
  tool<P extends z.ZodType>(definition: ToolDefinition<P>): void;
  /** Makes a tool that proposes a shell command, as `sh` does. */
  commandTool(options: CommandToolOptions): void;
  on<N extends EventName>(name: N, handler: (payload: EventPayloads[N]) => void | Promise<void>, options?: HookOptions): void;
  filter<N extends FilterName>(
    name: N,
    handler: (value: FilterValue<N>, payload: FilterPayload<N>) => FilterValue<N> | Promise<FilterValue<N>>,
    options?: HookOptions,
  ): void;
  /** Passes a value through the handlers of a filter. */
  apply<N extends FilterName>(name: N, value: FilterValue<N>, payload: FilterPayload<N>): Promise<FilterValue<N>>;
  /** A short message for people: notification `ui/notify`. */
  notify(scope: { projectId: number; run?: string }, level: 'info' | 'warn' | 'error', text: string): void;
  /** A text that clients show: notification `ui/render`. */
  render(scope: { projectId: number; run?: string }, text: string): void;
  /** Runs `cleanup` when the plugin is disposed; the last registered first. */
  dispose(cleanup: () => void | Promise<void>): void;
}

/** A plugin: the default export of its module. */
export interface Plugin {
  readonly name: string;
  setup(context: PluginContext): void | Promise<void>;
}
