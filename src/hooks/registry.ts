import { messageOf } from '../core/errors.ts';
import type { HookOptions } from './plugin.ts';
import {
  type EventName,
  type EventPayloads,
  type FilterName,
  type FilterPayload,
  type FilterValue,
  HOOKS,
  type HookName,
} from './table.ts';

const DEFAULT_PRIORITY = 500;
/** How long a filter's handler may take (SPEC {#hooks}). */
const FILTER_LIMIT_MS = 5000;

/** A handler that failed: which plugin's, on which hook, and whom to tell. */
export interface HookFailure {
  readonly plugin: string;
  readonly hook: HookName;
  readonly message: string;
  readonly projectId: number | undefined;
  readonly run: string | undefined;
}

interface Registration {
  readonly plugin: string;
  readonly priority: number;
  readonly order: number;
  readonly handler: (value: unknown, payload?: unknown) => unknown;
}

/**
 * The handlers of each hook. A handler that throws, rejects or is late is reported with its plugin's name and affects no other handler
 * (SPEC {#hooks}).
 */
export class HookRegistry {
  readonly #handlers = new Map<HookName, Registration[]>();
  readonly #failed: (failure: HookFailure) => void;
  readonly #limitMs: number;
  #order = 0;

  /** `failed` is called with every failure; `limitMs` is how long a filter's handler may take (default 5 s). */
  constructor(options: { failed: (failure: HookFailure) => void; limitMs?: number }) {
    this.#failed = options.failed;
    this.#limitMs = options.limitMs ?? FILTER_LIMIT_MS;
  }

  /** Registers a handler of an event. Throws for a name that is no event. Returns a function that removes the handler. */
  on<N extends EventName>(plugin: string, name: N, handler: (payload: EventPayloads[N]) => unknown, options: HookOptions = {}): () => void {
    return this.#register(plugin, name, 'event', handler as Registration['handler'], options);
  }

  /** Registers a handler of a filter. Throws for a name that is no filter. Returns a function that removes the handler. */
  filter<N extends FilterName>(
    plugin: string,
    name: N,
    handler: (value: FilterValue<N>, payload: FilterPayload<N>) => FilterValue<N> | Promise<FilterValue<N>>,
    options: HookOptions = {},
  ): () => void {
    return this.#register(plugin, name, 'filter', handler as Registration['handler'], options);
  }

  /** Calls every handler, in order; does not wait for promises that handlers return. */
  emit<N extends EventName>(name: N, payload: EventPayloads[N]): void {
    for (const { plugin, handler } of this.#of(name)) {
      try {
        const answer = handler(payload);
        if (answer instanceof Promise) answer.catch((error: unknown) => this.#report(plugin, name, messageOf(error), payload));
      } catch (error) {
        this.#report(plugin, name, messageOf(error), payload);
      }
    }
  }

  /**
   * Passes a value through every handler, in order. A failed handler passes on the value it was given, except for a
   * verdict, which becomes `ask` unless it was `deny` already.
   */
  async apply<N extends FilterName>(name: N, value: FilterValue<N>, payload: FilterPayload<N>): Promise<FilterValue<N>> {
    let current = value;
    for (const { plugin, handler } of this.#of(name)) {
      try {
        const answer = await this.#timed(handler(current, payload));
        if (!fits(name, answer)) throw new Error('the handler returned a value that does not fit this hook');
        current = answer as FilterValue<N>;
      } catch (error) {
        this.#report(plugin, name, messageOf(error), payload);
        if (name === 'proposal.verdict' && current !== 'deny') current = 'ask' as FilterValue<N>;
      }
    }
    return current;
  }

  #register(plugin: string, name: HookName, kind: 'event' | 'filter', handler: Registration['handler'], options: HookOptions): () => void {
    if (!Object.hasOwn(HOOKS, name) || HOOKS[name].kind !== kind) {
      const known = Object.entries(HOOKS).filter(([, def]) => def.kind === kind);
      throw new Error(`there is no ${kind} "${name}"; there are ${known.map(([known]) => known).join(', ')}`);
    }
    if (typeof handler !== 'function') throw new Error(`the handler of ${name} is no function`);
    const registration: Registration = { plugin, priority: options.priority ?? DEFAULT_PRIORITY, order: this.#order++, handler };
    const all = [...this.#of(name), registration].sort((a, b) => a.priority - b.priority || a.order - b.order);
    this.#handlers.set(name, all);
    return () =>
      void this.#handlers.set(
        name,
        this.#of(name).filter((one) => one !== registration),
      );
  }

  #of(name: HookName): readonly Registration[] {
    return this.#handlers.get(name) ?? [];
  }

  async #timed(answer: unknown): Promise<unknown> {
    if (!(answer instanceof Promise)) return answer;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`the handler was not done within ${this.#limitMs} ms`)), this.#limitMs);
    });
    try {
      return await Promise.race([answer, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  #report(plugin: string, hook: HookName, message: string, payload: unknown): void {
    const scope = payload as { projectId?: number; run?: string };
    this.#failed({ plugin, hook, message, projectId: scope.projectId, run: scope.run });
  }
}

/** True for a value of the filter's type; a plugin without types may return another one, or forget its `return`. */
function fits(name: FilterName, value: unknown): boolean {
  switch (name) {
    case 'proposal.verdict':
      return value === 'allow' || value === 'ask' || value === 'deny';
    case 'tools.offered':
      return Array.isArray(value) && value.every((one) => typeof one === 'string');
    case 'tools.docs':
      return typeof value === 'string';
    case 'context.assemble':
      return Array.isArray(value) && value.every(isPart);
    case 'channel.digest': {
      const digest = value as { text?: unknown; ranges?: unknown } | null | undefined;
      return typeof digest?.text === 'string' && Array.isArray(digest.ranges);
    }
  }
}

function isPart(value: unknown): boolean {
  const part = value as { position?: unknown; message?: { text?: unknown }; pieces?: unknown } | null;
  return (
    Array.isArray(part?.position) && part.position.length === 3 && typeof part.message?.text === 'string' && Array.isArray(part.pieces)
  );
}
