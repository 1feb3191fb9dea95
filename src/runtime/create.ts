import type { Clock } from '../core/clock.ts';
import { defined } from '../core/defined.ts';
import type { Logger } from '../core/logger.ts';
import type { Plugin } from '../hooks/plugin.ts';
import { type HookFailure, HookRegistry } from '../hooks/registry.ts';
import { CLIENT_LIFETIME, MODEL_LIFETIME } from '../model/lifetime.ts';
import type { ModelProvider } from '../model/ports/model-provider.ts';
import type { Store } from '../model/ports/store.ts';
import { maskedChannels, Redaction } from '../redact/index.ts';
import type { Journal, Streams } from '../stream/index.ts';
import type { ServerConfig } from './config.ts';
import { Guides } from './guides/guides.ts';
import { Kinds } from './kinds/kinds.ts';
import { LiveText } from './live-text.ts';
import type { ProviderShelf } from './models.ts';
import type { LoopLimits, RuntimeParts } from './parts.ts';
import { PluginHost, type PluginVoice } from './plugin-host.ts';
import { PluginMethods } from './plugin-methods.ts';
import { Policy, type PolicyConfig } from './policy.ts';
import { Runtime } from './runtime.ts';

const LIMITS: LoopLimits = { turns: 50, repeats: 3, strikes: 3, wakes: 10 };

export interface RuntimeOptions {
  readonly store: Store;
  readonly journal: Journal;
  readonly streams: Streams;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly providers: readonly ModelProvider[];
  /** Providers that clients have added; left out: none can be added (SPEC {#providers}). */
  readonly addedProviders?: ProviderShelf;
  /** Plugins that are part of the program, loaded before those of the configuration. */
  readonly bundled: readonly Plugin[];
  /** Plugins named by the configuration file. */
  readonly plugins?: Pick<ServerConfig, 'plugins' | 'folder'>;
  /** What the configuration says of them; what is left out has its default. */
  readonly limits?: { readonly [K in keyof LoopLimits]?: number | undefined };
  /** Prices of models by the provider's name of them (SPEC {#usage}). */
  readonly prices?: ServerConfig['prices'];
  /** What every command of this machine is put in (SPEC {#sandbox_default}). */
  readonly sandbox?: ServerConfig['sandbox'];
  /** Whether what only looks can be had in a sandbox of the project at `root`; left out: no (SPEC {#looks_place}). */
  readonly canSandbox?: (root: string) => Promise<boolean>;
  /** Lifetimes of commands that name none; 24 h of a model's and `forever` of clients' own by default (SPEC {#lifetime}). */
  readonly lifetime?: ServerConfig['lifetime'];
  /** What is masked; the known shapes by default (SPEC {#redaction}). */
  readonly redaction?: Redaction;
  /** Folder of the server's own database and token; tools for files do not read in it (SPEC {#files}). */
  readonly dataFolder?: string;
  /** Folder with the user's own `skills` and `personas`; none when left out (SPEC {#skills}). */
  readonly userFolder?: string;
  /** Agents of others by name; none by default (SPEC {#agents}). */
  readonly agents?: ServerConfig['agents'];
  /** Rules of the configuration; left out: none, and what only looks is allowed (SPEC {#policy_rules}). */
  readonly policy?: PolicyConfig;
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
    ...defined({ limitMs: options.filterLimitMs }),
  });
  const redaction = options.redaction ?? new Redaction();
  const masked = maskedChannels(store, redaction);
  const methods = new PluginMethods({ store, streams, journal, logger, masked, redaction });
  const kinds = new Kinds({ store, clock, logger, dataFolder: options.dataFolder });
  const host = new PluginHost({
    hooks,
    logger,
    voice,
    kinds,
    methods,
    redaction,
    ...defined({ setupLimitMs: options.setupLimitMs }),
  });
  for (const plugin of options.bundled) await host.add(plugin);
  for (const specifier of options.plugins?.plugins ?? []) await host.load(specifier, options.plugins?.folder ?? '.');
  const providers = new Map(options.providers.map((provider) => [provider.name, provider]));
  const { turns, repeats, strikes } = options.limits ?? {};
  const parts: RuntimeParts = {
    redaction,
    masked,
    store,
    journal,
    streams,
    clock,
    logger,
    hooks,
    host,
    kinds,
    methods,
    providers,
    ...defined({ addedProviders: options.addedProviders }),
    dataFolder: options.dataFolder,
    guides: new Guides(options.userFolder),
    agents: options.agents ?? {},
    limits: {
      turns: turns ?? LIMITS.turns,
      repeats: repeats ?? LIMITS.repeats,
      strikes: strikes ?? LIMITS.strikes,
      wakes: options.limits?.wakes ?? LIMITS.wakes,
    },
    policy: new Policy(store, journal, options.policy ?? { rules: [], readOnly: true }),
    live: new LiveText(logger),
    prices: options.prices,
    sandbox: options.sandbox,
    canSandbox: options.canSandbox ?? (() => Promise.resolve(false)),
    lifetime: options.lifetime ?? { model: MODEL_LIFETIME, client: CLIENT_LIFETIME },
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
  voice.notify({ projectId, ...defined({ run }) }, 'error', `plugin "${plugin}" failed in ${hook}: ${message}`);
}
