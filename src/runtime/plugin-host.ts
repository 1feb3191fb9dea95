import { z } from 'zod';
import { defined } from '../core/defined.ts';
import { messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import { commandTool } from '../hooks/command-tool.ts';
import type { MethodDefinition } from '../hooks/method.ts';
import type { Plugin, PluginContext, ToolDefinition } from '../hooks/plugin.ts';
import type { HookRegistry } from '../hooks/registry.ts';
import type { LoopMode, RunSettings } from '../model/records.ts';
import type { Redaction } from '../redact/index.ts';
import type { Kinds } from './kinds/kinds.ts';
import { pluginUrl } from './plugin-location.ts';
import type { PluginMethods } from './plugin-methods.ts';

const TOOL_NAME = /^[a-z][a-z0-9_]{0,63}$/;
/** Actions of the server's own log entries and schemes that no tool may take. */
const RESERVED = new Set(['log', 'model', 'prompt', 'file', 'loop']);

/** How long a plugin's setup may take. */
const SETUP_LIMIT_MS = 10_000;

/** What became of a plugin. */
export interface PluginInfo {
  readonly name: string;
  readonly tools: readonly string[];
  /** Why it is not there. */
  readonly error?: string;
}

/** Messages of a plugin to people. */
export interface PluginVoice {
  notify(scope: { projectId: number; run?: string }, level: 'info' | 'warn' | 'error', text: string): void;
  render(scope: { projectId: number; run?: string }, text: string): void;
}

export interface PluginHostOptions {
  readonly hooks: HookRegistry;
  readonly logger: Logger;
  readonly voice: PluginVoice;
  readonly kinds: Kinds;
  readonly methods: PluginMethods;
  readonly redaction: Pick<Redaction, 'add'>;
  readonly setupLimitMs?: number;
}

interface Loaded {
  readonly name: string;
  readonly tools: string[];
  readonly cleanups: (() => void | Promise<void>)[];
  error?: string;
}

/** A tool with the plugin that brought it and the JSON Schema that models see. */
export interface HostedTool {
  readonly plugin: string;
  readonly definition: ToolDefinition;
  readonly schema: Readonly<Record<string, unknown>>;
}

/** Loads plugins, holds what they registered, and takes it back when they are disposed (SPEC {#plugins}). */
export class PluginHost {
  readonly #hooks: HookRegistry;
  readonly #logger: Logger;
  readonly #voice: PluginVoice;
  readonly #kinds: Kinds;
  readonly #methods: PluginMethods;
  readonly #redaction: Pick<Redaction, 'add'>;
  readonly #setupLimitMs: number;
  readonly #plugins: Loaded[] = [];
  readonly #tools = new Map<string, HostedTool>();

  constructor(options: PluginHostOptions) {
    this.#hooks = options.hooks;
    this.#logger = options.logger;
    this.#voice = options.voice;
    this.#kinds = options.kinds;
    this.#methods = options.methods;
    this.#redaction = options.redaction;
    this.#setupLimitMs = options.setupLimitMs ?? SETUP_LIMIT_MS;
  }

  /** Sets a plugin up. One that throws is named, left out, and nothing of it stays registered. */
  async add(plugin: Plugin): Promise<void> {
    const loaded: Loaded = { name: plugin.name, tools: [], cleanups: [] };
    this.#plugins.push(loaded);
    try {
      if (this.#plugins.some((other) => other !== loaded && other.name === plugin.name && other.error === undefined)) {
        throw new Error(`a plugin "${plugin.name}" is loaded already`);
      }
      await this.#setUp(plugin, loaded);
    } catch (error) {
      await this.#unload(loaded);
      this.#failed(loaded, messageOf(error));
    }
  }

  /**
   * Loads a plugin by package name or path (beginning with `.` or `/`), as seen from `folder`. One that cannot be
   * loaded is named and left out.
   */
  async load(specifier: string, folder: string): Promise<void> {
    let plugin: Plugin;
    try {
      const module = (await import(pluginUrl(specifier, folder))) as { default?: unknown };
      plugin = asPlugin(module.default);
    } catch (error) {
      const loaded: Loaded = { name: specifier, tools: [], cleanups: [] };
      this.#plugins.push(loaded);
      this.#failed(loaded, messageOf(error));
      return;
    }
    await this.add(plugin);
  }

  /** Takes back everything that a plugin registered and runs its cleanups; false when there is none of that name. */
  async remove(name: string): Promise<boolean> {
    const loaded = this.#plugins.find((one) => one.name === name && one.error === undefined);
    if (!loaded) return false;
    this.#plugins.splice(this.#plugins.indexOf(loaded), 1);
    await this.#unload(loaded);
    return true;
  }

  /** Disposes every plugin, the last loaded first. */
  async close(): Promise<void> {
    for (const loaded of this.#plugins.splice(0).reverse()) await this.#unload(loaded);
  }

  /** What became of every plugin, in order of loading. */
  list(): PluginInfo[] {
    return this.#plugins.map(({ name, tools, error }) => ({ name, tools: [...tools], ...defined({ error }) }));
  }

  tool(name: string): HostedTool | undefined {
    return this.#tools.get(name);
  }

  /** Names of the tools that a loop of this mode and these settings may use, before the filter. */
  available(mode: LoopMode, settings: RunSettings): string[] {
    const names: string[] = [];
    for (const { definition } of this.#tools.values()) {
      const traits = definition.traits ?? [];
      if (definition.modes && !definition.modes.includes(mode)) continue;
      if (mode === 'ask' && traits.includes('writes')) continue;
      if (settings.noProposals && traits.includes('proposes')) continue;
      if (settings.noInteraction && traits.includes('interaction')) continue;
      if (settings.noWeb && traits.includes('web')) continue;
      if (settings.noRepo && traits.includes('repo')) continue;
      names.push(definition.name);
    }
    return names;
  }

  async #setUp(plugin: Plugin, loaded: Loaded): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`its setup was not done within ${this.#setupLimitMs} ms`)), this.#setupLimitMs);
    });
    try {
      await Promise.race([plugin.setup(this.#context(loaded)), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  #context(loaded: Loaded): PluginContext {
    const { name } = loaded;
    // A setup that was too slow may still go on; it can register nothing any more.
    const cleanups = {
      push: (cleanup: () => void | Promise<void>) => {
        if (loaded.error === undefined) loaded.cleanups.push(cleanup);
        else void cleanup();
      },
    };
    const tool = (definition: ToolDefinition) => this.#addTool(loaded, definition);
    return {
      z,
      logger: this.#logger,
      tool: (definition) => tool(definition as unknown as ToolDefinition),
      producer: (definition) => this.#add(loaded, () => this.#kinds.register(name, definition)),
      method: (definition) => this.#add(loaded, () => this.#methods.register(name, definition as unknown as MethodDefinition)),
      secrets: (secret) => this.#add(loaded, () => this.#redaction.add(secret)),
      commandTool: (options) => tool(commandTool(options) as unknown as ToolDefinition),
      on: (hook, handler, options) => void cleanups.push(this.#hooks.on(name, hook, handler, options)),
      filter: (hook, handler, options) => void cleanups.push(this.#hooks.filter(name, hook, handler, options)),
      apply: (hook, value, payload) => this.#hooks.apply(hook, value, payload),
      notify: (scope, level, text) => this.#voice.notify(scope, level, text),
      render: (scope, text) => this.#voice.render(scope, text),
      dispose: (cleanup) => void cleanups.push(cleanup),
    };
  }

  #addTool(loaded: Loaded, definition: ToolDefinition): () => void {
    const { name } = definition;
    if (loaded.error !== undefined) throw new Error(`plugin "${loaded.name}" has been left out`);
    if (!TOOL_NAME.test(name) || RESERVED.has(name)) throw new Error(`tool name "${name}" is reserved or outside a-z, 0-9 and _`);
    const other = this.#tools.get(name);
    if (other) throw new Error(`tool "${name}" is there already, from plugin "${other.plugin}"`);
    if (typeof definition.handler !== 'function') throw new Error(`tool "${name}" has no handler`);
    const schema = definition.inputSchema ?? (z.toJSONSchema(definition.params, { io: 'input' }) as Record<string, unknown>);
    if (schema['type'] !== 'object') throw new Error(`the params of tool "${name}" are no zod object`);
    this.#tools.set(name, { plugin: loaded.name, definition, schema });
    loaded.tools.push(name);
    const remove = () => {
      if (this.#tools.get(name)?.definition !== definition) return;
      this.#tools.delete(name);
      loaded.tools.splice(loaded.tools.indexOf(name), 1);
    };
    loaded.cleanups.push(remove);
    return remove;
  }

  /** Registers something, and takes it back with the plugin. */
  #add(loaded: Loaded, register: () => () => void): void {
    if (loaded.error !== undefined) throw new Error(`plugin "${loaded.name}" has been left out`);
    loaded.cleanups.push(register());
  }

  async #unload(loaded: Loaded): Promise<void> {
    for (const cleanup of loaded.cleanups.splice(0).reverse()) {
      try {
        await cleanup();
      } catch (error) {
        this.#logger.error({ plugin: loaded.name, error: messageOf(error) }, 'disposing a plugin failed');
      }
    }
    loaded.tools.length = 0;
  }

  #failed(loaded: Loaded, message: string): void {
    loaded.error = message;
    this.#logger.error({ plugin: loaded.name, error: message }, 'a plugin could not be loaded and is left out');
  }
}

function asPlugin(value: unknown): Plugin {
  const plugin = value as Partial<Plugin> | null | undefined;
  if (typeof plugin?.name !== 'string' || plugin.name === '' || typeof plugin.setup !== 'function') {
    throw new Error('its default export is no plugin; it needs { name, setup(context) }');
  }
  return plugin as Plugin;
}
