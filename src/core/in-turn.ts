/** Does work one after the other, in the order of the calls; a failure of one does not hold up the next. */
export class InTurn {
  #last: Promise<unknown> = Promise.resolve();

  /** Begins `work` once all that came before it is settled; settles as it does. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }
}
