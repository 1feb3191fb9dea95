import type { z } from 'zod';
import type { Entry, Project } from '../model/records.ts';
import type { EntryWrite } from './plugin.ts';
import type { EntryAccess } from './views.ts';

/** What the handler of a plugin's RPC method is handed beside its params (SPEC {#plugin_methods}). */
export interface MethodCall {
  /** The project of the connection that calls. */
  readonly project: Project;
  /** The client's name. */
  readonly client: string;
  /** Aborted when the caller cancels its request or goes away; what the handler returns after that is dropped. */
  readonly signal: AbortSignal;
  /** Read access to a run of the project, by its alias. Throws `not_found`. */
  entries(run: string): EntryAccess;
  /** Writes an entry of a run and notifies the clients. Throws `not_found`, and `forbidden` in a method of scope `read`. */
  write(run: string, write: EntryWrite): Entry;
}

/**
 * An RPC method of a plugin, served as `<plugin>/<name>` (SPEC {#plugin_methods}).
 *
 * @example
 * ```js
 * export default {
 *   name: 'sizes',
 *   setup({ method, z }) {
 *     method({
 *       name: 'of',
 *       description: 'Returns how long the body of an entry is, in characters.',
 *       params: z.strictObject({ run: z.string(), path: z.string() }),
 *       scope: 'read',
 *       handler({ run, path }, { entries }) {
 *         const entry = entries(run).get(path);
 *         if (!entry) throw { kind: 'not_found', message: `there is no entry ${path}` };
 *         return { characters: entry.body.length };
 *       },
 *     });
 *   },
 * };
 * ```
 */
export interface MethodDefinition<P extends z.ZodType = z.ZodType> {
  /** Letters, digits and _, the first one a lower case letter. */
  readonly name: string;
  /** One line, for `discover`. */
  readonly description: string;
  /** A zod object; params that do not fit are refused with the field, and never reach the handler. */
  readonly params: P;
  /** Zod schema of the result; another result is an error of the plugin. Default: any JSON. */
  readonly result?: z.ZodType;
  /**
   * The scope that a token needs: `read` looks, `run` drives runs, `admin` does everything. A token that is bound to its own runs cannot
   * call any method of a plugin.
   */
  readonly scope: 'read' | 'run' | 'admin';
  /** Returns JSON. A throw of `{kind, message}`, `kind` a name such as `not_found`, reaches the client as that error. */
  handler(params: z.output<P>, call: MethodCall): unknown;
}
