import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { HookRegistry } from '../hooks/registry.ts';
import type { AgentSettings } from '../model/agent-state.ts';
import type { ModelProvider } from '../model/ports/model-provider.ts';
import type { Store } from '../model/ports/store.ts';
import type { Price, Project } from '../model/records.ts';
import type { Sight } from '../model/sight.ts';
import type { MaskedChannels, Redaction } from '../redact/index.ts';
import type { Journal, Streams } from '../stream/index.ts';
import type { LifetimeDefaults } from './config.ts';
import type { Guides } from './guides/guides.ts';
import type { Kinds } from './kinds/kinds.ts';
import type { LiveText } from './live-text.ts';
import type { ProviderShelf } from './models.ts';
import type { PluginHost } from './plugin-host.ts';
import type { PluginMethods } from './plugin-methods.ts';
import type { Policy } from './policy.ts';
import type { SandboxPolicy } from './sandbox-policy.ts';

/** Who calls: a connection bound to a project, or the server itself. */
export interface Caller {
  readonly project: Project;
  /** The runs of the project that it knows of; those that it makes are among them. */
  readonly sight: Sight;
  /** The client's name, as written into records. */
  readonly client: string;
  /** Aborted when the caller cancels its request. */
  readonly signal: AbortSignal;
  /** The caller's span that the call is part of, where spans are recorded (SPEC {#traces}). */
  readonly traceparent?: string | undefined;
}

/** Bounds of a loop (SPEC {#loop_limits}). */
export interface LoopLimits {
  /** Turns of one loop at most. */
  readonly turns: number;
  /** Identical turns in a row that end a loop. */
  readonly repeats: number;
  /** Turns in a row in which no action was of use that end a loop. */
  readonly strikes: number;
  /** Loops in a row that commands have woken, without a prompt of a person (SPEC {#wake}). */
  readonly wakes: number;
}

/** What the parts of the runtime share. */
export interface RuntimeParts {
  readonly store: Store;
  readonly journal: Journal;
  readonly streams: Streams;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly hooks: HookRegistry;
  readonly host: PluginHost;
  /** Producers that plugins run in the server. */
  readonly kinds: Kinds;
  /** RPC methods of plugins. */
  readonly methods: PluginMethods;
  readonly providers: Map<string, ModelProvider>;
  /** Providers that clients have added. */
  readonly addedProviders?: ProviderShelf;
  readonly redaction: Redaction;
  /** The channels as the model and other clients than the operator see them. */
  readonly masked: MaskedChannels;
  readonly limits: LoopLimits;
  /** Agents of others by name (SPEC {#agents}). */
  readonly agents: Readonly<Record<string, AgentSettings>>;
  /** Prices of models that were added without one, by the provider's name of them. */
  readonly prices?: Readonly<Record<string, Price>> | undefined;
  /** Folder of the server's own database and token. */
  readonly dataFolder?: string | undefined;
  /** Skills and personas in their folders. */
  readonly guides: Guides;
  /** What models say while they say it. */
  readonly live: LiveText;
  /** Rules, and what they decide on proposals. */
  readonly policy: Policy;
  /** What every command of this machine is put in; undefined: what it asks for itself. */
  readonly sandbox?: SandboxPolicy | undefined;
  /** Whether what only looks can be had in a sandbox of the project at `root` (SPEC {#looks_place}). */
  readonly canSandbox: (root: string) => Promise<boolean>;
  /** Lifetimes of commands that name none and whose run names none. */
  readonly lifetime: LifetimeDefaults;
}
