const MONOTONIC_NS = () => process.hrtime.bigint();

/** What one reader has got of many tickers (ticker.pl): which are ready, how long each line took, what is missing. */
export class Tally {
  ready = 0;
  received = 0;
  /** Lines that were not the next one of their ticker: something was lost, repeated or reordered. */
  outOfOrder = 0;
  latenciesMs = [];
  #next = new Map();
  #rests = new Map();
  #watcher;

  /** Takes a piece of the output of `source`; pieces of one source are in order. */
  take(source, text) {
    const now = MONOTONIC_NS();
    const lines = ((this.#rests.get(source) ?? '') + text).split('\n');
    this.#rests.set(source, lines.pop());
    for (const line of lines) this.#line(line, now);
    this.#watcher?.();
  }

  #line(line, now) {
    const [id, number, at] = line.split(' ');
    if (id === 'ready') {
      this.ready += 1;
      return;
    }
    if (Number(number) !== (this.#next.get(id) ?? 0)) this.outOfOrder += 1;
    this.#next.set(id, Number(number) + 1);
    this.received += 1;
    this.latenciesMs.push(Number(now - BigInt(at)) / 1e6);
  }

  /** Until `test` holds of this tally. */
  until(test) {
    return new Promise((resolve) => {
      this.#watcher = () => {
        if (!test(this)) return;
        this.#watcher = undefined;
        resolve();
      };
      this.#watcher();
    });
  }
}
