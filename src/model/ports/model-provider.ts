import type { Dialect } from '../provider-kind.ts';
import type { Turn, Usage } from '../records.ts';

/** One message of the assembled packet; the order is the order in which the model reads. */
export type ModelMessage =
  | { readonly role: 'system'; readonly text: string }
  | { readonly role: 'user'; readonly text: string }
  | { readonly role: 'assistant'; readonly text: string; readonly calls: readonly ToolCall[] }
  | { readonly role: 'tool'; readonly callId: string; readonly tool: string; readonly text: string };

/** Most calls of one answer; an answer with more is a failure of the model. */
export const MAX_CALLS = 128;

export interface ToolCall {
  readonly id: string;
  readonly tool: string;
  readonly input: Readonly<Record<string, unknown>>;
}

export interface ToolSpec {
  readonly name: string;
  readonly description: string;
  /** JSON Schema of its input, an object. */
  readonly inputSchema: Readonly<Record<string, unknown>>;
}

export interface ModelRequest {
  /** The provider's own model name. */
  readonly model: string;
  readonly messages: readonly ModelMessage[];
  readonly tools: readonly ToolSpec[];
  readonly temperature?: number;
  readonly projectRoot: string;
  /** Turns of this loop that the model has answered already: the scripted provider's place in its scenario. */
  readonly step: number;
  readonly mode: 'ask' | 'act';
  /** What the loop was asked; also among the messages. */
  readonly prompt: string;
  /** The turn that asks, for those who look on. */
  readonly turn?: Turn;
  /** How tools are called; left out: the provider's own default. */
  readonly dialect?: Dialect;
}

/** What one request came to. */
export interface RequestUsage extends Usage {
  /** Of the input, written to the provider's cache; left out where the provider says nothing of it. */
  readonly cacheWriteTokens?: number;
}

/**
 * The answer of a model, piece by piece. `bad-call` is a tool call that could not be read: reported to the model, never
 * thrown and never dropped. `repaired` says in words what was mended in a call (SPEC {#healing}).
 */
export type ModelEvent =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'call'; readonly call: ToolCall; readonly repaired?: readonly string[] }
  | {
      readonly type: 'bad-call';
      readonly id: string;
      readonly tool: string;
      readonly raw: string;
      readonly problem: string;
      /** True: `raw` is no JSON that could be mended. */
      readonly final?: boolean;
    }
  | { readonly type: 'finish'; readonly usage: RequestUsage; readonly reason: 'stop' | 'calls' | 'length' | 'filtered' | 'other' };

export interface ModelProvider {
  readonly name: string;
  /** The dialect of models that name none; `native` when left out. */
  readonly dialect?: Dialect;
  /** What is missing before it can be asked, such as a key, and what to do; undefined when nothing is. */
  problem?(): string | undefined;
  /**
   * Streams one answer; the last event is `finish`. Throws `ModelFailure`; aborting the signal ends the HTTP request
   * and throws `cancelled`.
   */
  ask(request: ModelRequest, signal: AbortSignal): AsyncIterable<ModelEvent>;
}
