import type { MethodName, ParsedParamsOf, ResultOf } from '../protocol/table.ts';
import type { ServerParts } from './parts.ts';
import type { Caller } from './runtime-port.ts';
import type { Session } from './session/session.ts';

/** One call of a method, as its handler sees it. */
export interface Call {
  readonly session: Session;
  readonly parts: ServerParts;
  /** Aborted when the client cancels the request or the connection ends. */
  readonly signal: AbortSignal;
  /** The caller with its project. Throws `not_initialized`. */
  caller(): Caller;
  /**
   * Whether secrets are masked in the answer: as the scope has it, or as the caller `asked`. Throws `forbidden` for a scope
   * that may not see them and asks to.
   */
  redacts(asked?: boolean): boolean;
  /** Runs `work` once the answer has been sent: what a subscription delivers comes after its id. */
  afterAnswer(work: () => void): void;
}

/** Where the calls of a connection come from. */
export interface CallOrigin {
  /** The client's span that all of it is part of. */
  readonly traceparent?: string | undefined;
  /** The client's address; left out where it is of this machine. */
  readonly address?: string | undefined;
}

/** Maps one method to the runtime or the streams. */
export type Handler<M extends MethodName> = (params: ParsedParamsOf<M>, call: Call) => ResultOf<M> | Promise<ResultOf<M>>;

/** Handlers of some methods. */
export type Handlers<M extends MethodName> = { readonly [N in M]: Handler<N> };

/** A handler of any method, as the dispatcher holds it: its params have been through the method's schema. */
export type AnyHandler = (params: unknown, call: Call) => unknown;
