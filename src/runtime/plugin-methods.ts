import { z } from 'zod';
import { type ErrorName, HeadgateError, messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { MethodCall, MethodDefinition } from '../hooks/method.ts';
import type { Journal } from '../stream/index.ts';
import { writeEntry } from './entry-writes.ts';
import type { Caller } from './parts.ts';
import { entryAccess, type ReaderParts } from './readers.ts';

const PLUGIN = /^[a-z][a-z0-9_-]{0,63}$/;
const NAME = /^[a-z][A-Za-z0-9_]{0,63}$/;
/** First parts of the protocol's own names, and of notifications: no plugin's methods may look like them, also in later versions. */
export const OWN_PREFIXES: ReadonlySet<string> = new Set([
  ...['run', 'stream', 'runner', 'backend', 'token', 'tty', 'entry', 'ui', 'rpc', 'session', 'model', 'project', 'policy', 'server'],
  ...['loop', 'turn', 'proposal', 'skill', 'plugin', 'config', 'headgate', 'persona', 'replay', 'mcp', 'agent'],
]);
/** Errors that a handler may name; the others are about connections and leases, which are not its own. */
const KINDS: ReadonlySet<string> = new Set<ErrorName>([
  'invalid_params',
  'not_found',
  'forbidden',
  'conflict',
  'unsupported',
  'too_large',
  'overloaded',
]);

/** A method of a plugin, in the shape of a row of the method table. */
export interface PluginMethod {
  readonly plugin: string;
  readonly params: z.ZodType;
  readonly result: z.ZodType;
  readonly init: true;
  /** What a plugin tells of runs is passed on unread. */
  readonly wide: true;
  readonly scope: 'read' | 'run' | 'admin';
  readonly summary: string;
  /** Calls it with params that fit. Throws HeadgateErrors only; what the plugin got wrong is `internal` with its name. */
  call(params: unknown, caller: Caller): Promise<unknown>;
}

interface MethodParts extends ReaderParts {
  readonly journal: Journal;
  readonly logger: Logger;
}

/** The RPC methods that plugins brought, by their full names (SPEC {#plugin_methods}). */
export class PluginMethods extends Map<string, PluginMethod> {
  readonly #parts: MethodParts;

  constructor(parts: MethodParts) {
    super();
    this.#parts = parts;
  }

  /** Throws with what is wrong with the definition. Returns how to take it back. */
  register(plugin: string, definition: MethodDefinition): () => void {
    const { name, description, params, result = z.unknown(), scope, handler } = definition;
    if (!PLUGIN.test(plugin)) throw new Error(`the name of a plugin with methods consists of a-z, 0-9, - and _; "${plugin}" does not`);
    if (OWN_PREFIXES.has(plugin))
      throw new Error(`methods that begin with "${plugin}/" are the server's own; give the plugin another name`);
    if (typeof name !== 'string' || !NAME.test(name)) throw new Error(`method name "${String(name)}" is outside letters, digits and _`);
    const full = `${plugin}/${name}`;
    if (this.has(full)) throw new Error(`method "${full}" is there already`);
    if (typeof handler !== 'function') throw new Error(`method "${full}" has no handler`);
    if (typeof description !== 'string' || description === '') throw new Error(`method "${full}" has no description`);
    if (!['read', 'run', 'admin'].includes(scope)) throw new Error(`the scope of method "${full}" must be read, run or admin`);
    // Also shows that both can be told to clients.
    const schema = z.toJSONSchema(params, { io: 'input' }) as Record<string, unknown>;
    if (schema['type'] !== 'object') throw new Error(`the params of method "${full}" are no zod object`);
    z.toJSONSchema(result, { io: 'output' });
    const call = (given: unknown, caller: Caller) => this.#call(full, plugin, definition, given, caller);
    this.set(full, { plugin, params, result, init: true, wide: true, scope, summary: description, call });
    return () => void this.delete(full);
  }

  async #call(full: string, plugin: string, definition: MethodDefinition, params: unknown, caller: Caller): Promise<unknown> {
    try {
      const answer = (await definition.handler(params, this.#callOf(caller, definition))) ?? null;
      const checked = definition.result?.safeParse(answer);
      if (checked && !checked.success)
        throw new Error(`it returned a value that its result schema does not allow: ${checked.error.issues[0]?.message ?? ''}`);
      // What cannot be sent is found here, where the plugin can be named.
      if (JSON.stringify(answer) === undefined) throw new Error('it returned a value that is not JSON');
      return answer;
    } catch (error) {
      if (caller.signal.aborted) throw new HeadgateError('cancelled', `${full} was cancelled by its caller`);
      throw this.#errorOf(full, plugin, error);
    }
  }

  #errorOf(full: string, plugin: string, error: unknown): HeadgateError {
    const { kind, facts } = (typeof error === 'object' && error !== null ? error : {}) as { kind?: unknown; facts?: unknown };
    if (typeof kind === 'string' && KINDS.has(kind)) {
      const more = typeof facts === 'object' && facts !== null ? (facts as Record<string, unknown>) : {};
      return new HeadgateError(kind as ErrorName, textOf(error), { ...more, plugin });
    }
    this.#parts.logger.error({ plugin, method: full, error: textOf(error) }, 'a method of a plugin failed');
    return new HeadgateError('internal', `${full} of plugin "${plugin}" failed: ${textOf(error)}`, { plugin });
  }

  #callOf({ project, sight, client, signal }: Caller, { scope, name }: MethodDefinition): MethodCall {
    const { store, journal } = this.#parts;
    const runOf = (alias: string) => {
      const run = store.runs.byAlias(sight, alias);
      if (run) return run;
      throw new HeadgateError('not_found', `no run "${alias}" in this project; getRuns lists them`, { run: alias });
    };
    return {
      project,
      client,
      signal,
      entries: (alias) => entryAccess(this.#parts, runOf(alias).id),
      write: (alias, write) => {
        if (scope === 'read') throw new HeadgateError('forbidden', `the method ${name} has scope read, so it writes nothing`);
        return journal.commit('durable', (tx) => {
          const run = runOf(alias);
          return writeEntry(store, tx, run, write, { turn: run.turn, loopId: null, writer: client });
        });
      },
    };
  }
}

/** The text of whatever was thrown. */
function textOf(error: unknown): string {
  const { message } = (typeof error === 'object' && error !== null ? error : {}) as { message?: unknown };
  return typeof message === 'string' ? message : messageOf(error);
}
