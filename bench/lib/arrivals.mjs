/** Collects, from pieces of a ticker's output, how long each line took to get here (microseconds). */
export class Arrivals {
  us = [];
  #rest = '';

  take(text) {
    const at = process.hrtime.bigint();
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop();
    for (const line of lines) if (line !== '') this.us.push(Number(at - BigInt(line)) / 1000);
  }
}
