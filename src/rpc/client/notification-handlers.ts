import type { NotificationName, NotificationParamsOf } from '../protocol/table.ts';

type Handler = (params: never) => void;

/** Who listens to which notification. */
export class NotificationHandlers {
  readonly #handlers = new Map<string, Set<Handler>>();

  /** Listens to a notification; returns a function that removes the listener. */
  on<N extends NotificationName>(name: N, handler: (params: NotificationParamsOf<N>) => void): () => void {
    let handlers = this.#handlers.get(name);
    if (!handlers) {
      handlers = new Set();
      this.#handlers.set(name, handlers);
    }
    const known = handlers;
    known.add(handler);
    return () => void known.delete(handler);
  }

  /** Tells everybody who listens to it when it came. */
  tell(name: string, params: unknown): void {
    for (const handler of [...(this.#handlers.get(name) ?? [])]) handler(params as never);
  }
}
