import { createHash } from 'node:crypto';

/**
 * A pseudo-random generator (sfc32) whose forks depend on names alone, never on how much was drawn before: what is
 * decided for one producer or one round stays the same however the others' timing falls out.
 */
export class Random {
  #name;
  #state;

  /** @param {string} name - the seed; the same name draws the same numbers */
  constructor(name) {
    this.#name = name;
    const digest = createHash('sha256').update(name).digest();
    this.#state = new Uint32Array([0, 4, 8, 12].map((at) => digest.readUInt32LE(at)));
  }

  /** An independent generator for one purpose. */
  fork(purpose) {
    return new Random(`${this.#name}/${purpose}`);
  }

  /** 32 bits. */
  next() {
    const s = this.#state;
    const drawn = (s[0] + s[1] + s[3]) >>> 0;
    s[3] += 1;
    s[0] = s[1] ^ (s[1] >>> 9);
    s[1] = s[2] + (s[2] << 3);
    s[2] = ((s[2] << 21) | (s[2] >>> 11)) + drawn;
    return drawn;
  }

  /** A whole number from `low` to `high`, both included. */
  int(low, high) {
    return low + Math.floor((this.next() / 2 ** 32) * (high - low + 1));
  }

  /** A whole number from `low` (at least 1) to `high`, small ones as likely as large ones. */
  scale(low, high) {
    return Math.min(high, Math.floor(low * (high / low + 1) ** (this.next() / 2 ** 32)));
  }

  /** True with probability `share`. */
  chance(share) {
    return this.next() / 2 ** 32 < share;
  }

  pick(list) {
    return list[this.int(0, list.length - 1)];
  }

  /** One of the keys of `{key: weight}`. */
  weighted(weights) {
    const entries = Object.entries(weights).filter(([, weight]) => weight > 0);
    let left = (this.next() / 2 ** 32) * entries.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [key, weight] of entries) {
      left -= weight;
      if (left < 0) return key;
    }
    return entries.at(-1)[0];
  }
}
