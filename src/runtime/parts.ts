import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { HookRegistry } from '../hooks/registry.ts';
import type { ModelProvider } from '../model/ports/model-provider.ts';
import type { Store } from '../model/ports/store.ts';
import type { Project } from '../model/records.ts';
import type { Journal, Streams } from '../stream/index.ts';
import type { PluginHost } from './plugin-host.ts';
import type { SandboxPolicy } from './sandbox-policy.ts';

/** Who calls: a connection bound to a project, or the server itself. */
export interface Caller {
  readonly project: Project;
  /** The client's name, as written into records. */
  readonly client: string;
  /** Aborted when the caller cancels its request. */
  readonly signal: AbortSignal;
}

/** Bounds of a loop (SPEC {#loop_limits}). */
export interface LoopLimits {
  /** Turns of one loop at most. */
  readonly turns: number;
  /** Identical turns in a row that end a loop. */
  readonly repeats: number;
  /** Turns in a row in which no action was of use that end a loop. */
  readonly strikes: number;
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
  readonly providers: ReadonlyMap<string, ModelProvider>;
  readonly limits: LoopLimits;
  /** What every command of this machine is put in; undefined: what it asks for itself. */
  readonly sandbox?: SandboxPolicy | undefined;
}
