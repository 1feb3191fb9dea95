import type { z } from 'zod';

/** What a token must allow for a method: look, drive runs, serve as a runner, or change the server (SPEC {#tokens}). */
export type Scope = 'none' | 'read' | 'run' | 'runner' | 'admin';

/** One row of the method table. */
export interface MethodDef<P extends z.ZodType = z.ZodType, R extends z.ZodType = z.ZodType> {
  /** A strict object: unknown params are refused with -32602 and the name of the field. */
  readonly params: P;
  readonly result: R;
  /** False for what works before `init`. */
  readonly init: boolean;
  readonly scope: Scope;
  /** True: it tells or changes what is the whole project's, so a token that is bound to its own runs may not call it (SPEC {#own_runs}). */
  readonly wide?: true;
  /** One line, for `discover`, OpenRPC and SPEC. */
  readonly summary: string;
}

/** Declares a row; keeps the exact types of its schemas. */
export function method<P extends z.ZodType, R extends z.ZodType>(def: MethodDef<P, R>): MethodDef<P, R> {
  return def;
}

/** One row of the notification table. */
export interface NotificationDef<P extends z.ZodType = z.ZodType> {
  readonly params: P;
  /** True: it is in the event log, carries `seq`, and is replayed by `subscribe`. */
  readonly durable: boolean;
  readonly summary: string;
}

/** Declares a row; keeps the exact type of its schema. */
export function notification<P extends z.ZodType>(def: NotificationDef<P>): NotificationDef<P> {
  return def;
}
