import type { ReactiveController, ReactiveControllerHost } from 'lit';

/** Something that elements show; told of several changes at once, they draw once. */
export class Observable {
  readonly #listeners = new Set<() => void>();
  #told = true;

  /** Calls the listener after changes; returns a function that removes the listener. */
  watch(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  protected changed(): void {
    if (!this.#told) return;
    this.#told = false;
    queueMicrotask(() => {
      this.#told = true;
      for (const listener of [...this.#listeners]) listener();
    });
  }
}

/** Draws an element again whenever the observable that it shows has changed. */
export class Watching implements ReactiveController {
  readonly #host: ReactiveControllerHost;
  readonly #target: () => Observable | undefined;
  #watched: Observable | undefined;
  #stop: (() => void) | undefined;

  /** @param target - what the element shows now; asked for at every drawing */
  constructor(host: ReactiveControllerHost, target: () => Observable | undefined) {
    this.#host = host;
    this.#target = target;
    host.addController(this);
  }

  hostUpdate(): void {
    const target = this.#target();
    if (target === this.#watched) return;
    this.hostDisconnected();
    this.#watched = target;
    this.#stop = target?.watch(() => this.#host.requestUpdate());
  }

  hostConnected(): void {
    this.#host.requestUpdate();
  }

  hostDisconnected(): void {
    this.#stop?.();
    this.#stop = undefined;
    this.#watched = undefined;
  }
}
