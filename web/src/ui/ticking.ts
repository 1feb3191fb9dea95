import type { ReactiveController, ReactiveControllerHost } from 'lit';

const SECOND_MS = 1000;

/** Draws an element again every second while something in it has an age that grows. */
export class Ticking implements ReactiveController {
  readonly #host: ReactiveControllerHost;
  readonly #wanted: () => boolean;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(host: ReactiveControllerHost, wanted: () => boolean) {
    this.#host = host;
    this.#wanted = wanted;
    host.addController(this);
  }

  hostUpdated(): void {
    if (this.#wanted()) this.#timer ??= setInterval(() => this.#host.requestUpdate(), SECOND_MS);
    else this.hostDisconnected();
  }

  hostDisconnected(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
