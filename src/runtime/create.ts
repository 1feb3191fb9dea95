import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Plugin } from '../hooks/plugin.ts';
import { type HookFailure, HookRegistry } from '../hooks/registry.ts';
import type { ModelProvider } from '../model/ports/model-provider.ts';
import type { Store } from '../model/ports/store.ts';
import type { Journal, Streams } from '../stream/index.ts';
import type { ServerConfig } from './config.ts';
import type { LoopLimits, RuntimeParts } from './parts.ts';
import { PluginHost, type PluginVoice } from './plugin-host.ts';
import { Runtime } from './runtime.ts';

const LIMITS: LoopLimits = { turns: 50, repeats: 3, strikes: 3 };

export interface RuntimeOptions {
  readonly store: Store;
  readonly journal: Journal;
  readonly streams: Streams;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly providers: readonly ModelProvider[];
  /** Plugins that are part of the program, loaded before those of the configuration. */
  readonly bundled: readonly Plugin[];
  /** Plugins named by the configuration file. */
  readonly plugins?: Pick<ServerConfig, 'plugins' | 'folder'>;
  readonly limits?: Partial<LoopLimits>;
  /** What every command of this machine is put in (SPEC {#sandbox_default}). */
  readonly sandbox?: ServerConfig['sandbox'];
  /** How long a filter's handler may take, milliseconds. Default 5000. */
  readonly filterLimitMs?: number;
  /** How long a plugin's setup may take, milliseconds. Default 10000. */
  readonly setupLimitMs?: number;
}

/** Builds a runtime and loads its plugins. Call `start` once the stream layer is reconciled, `close` before the store. */
export async function createRuntime(options: RuntimeOptions): Promise<Runtime> {
  const { store, journal, streams, clock, logger } = options;
  const voice = voiceOf(store, journal);
  const hooks = new HookRegistry({
    failed: (failure) => reportFailure(failure, logger, voice),
    ...(options.filterLimitMs === undefined ? {} : { limitMs: options.filterLimitMs }),
  });
  const host = new PluginHost({
    hooks,
    logger,
    voice,
    ...(options.setupLimitMs === undefined ? {} : { setupLimitMs: options.setupLimitMs }),
  });
  for (const plugin of options.bundled) await host.add(plugin);
  for (const specifier of options.plugins?.plugins ?? []) await host.load(specifier, options.plugins?.folder ?? '.');
  const providers = new Map(options.providers.map((provider) => [provider.name, provider]));
  const parts: RuntimeParts = {
    store,
    journal,
    streams,
    clock,
    logger,
    hooks,
    host,
    providers,
    limits: { ...LIMITS, ...options.limits },
    sandbox: options.sandbox,
  };
  return new Runtime(parts);
}

function voiceOf(store: Store, journal: Journal): PluginVoice {
  const say = (scope: { projectId: number; run?: string }, type: string, payload: Record<string, unknown>) => {
    if (!store.projects.byId(scope.projectId)) return;
    const run = scope.run === undefined || scope.run === '' ? null : scope.run;
    journal.commit('fast', (tx) => void tx.event(scope.projectId, run, type, { run, ...payload }));
  };
  return {
    notify: (scope, level, text) => say(scope, 'ui/notify', { level, text }),
    render: (scope, text) => say(scope, 'ui/render', { text }),
  };
}

function reportFailure(failure: HookFailure, logger: Logger, voice: PluginVoice): void {
  const { plugin, hook, message, projectId, run } = failure;
  logger.error({ plugin, hook, error: message, run: run ?? null }, 'a plugin failed in a hook');
  if (projectId === undefined) return;
  voice.notify({ projectId, ...(run === undefined ? {} : { run }) }, 'error', `plugin "${plugin}" failed in ${hook}: ${message}`);
}
