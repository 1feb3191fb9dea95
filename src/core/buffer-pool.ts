/**
 * Large buffers that are used again. Output of a hundred megabytes a second in buffers of its own makes V8 collect garbage
 * some forty times a second, and the system hand out and clear the same pages again and again.
 *
 * Code that keeps a buffer, or a part of it, beyond the call in which it got it is a holder: it calls `retain`, and
 * `release` when it is through. A holder that never releases costs nothing but the reuse.
 */

/** Size of a pooled buffer, and from which size on pooling pays. */
const POOLED_BYTES = 256 * 1024;
const WORTH_BYTES = 16 * 1024;
/** Buffers kept for later: 4 MiB. */
const MAX_FREE = 16;
const POISON = 0xdb;

interface Pooled {
  readonly whole: Buffer;
  holders: number;
}

const known = new WeakMap<ArrayBufferLike, Pooled>();
const free: Pooled[] = [];
let poisoned = false;

/** A buffer of `bytes`, its contents undefined, with the caller as its one holder. Small and huge ones are ordinary. */
export function take(bytes: number): Buffer {
  if (bytes < WORTH_BYTES || bytes > POOLED_BYTES) return Buffer.allocUnsafe(bytes);
  const pooled = free.pop() ?? make();
  pooled.holders = 1;
  return pooled.whole.subarray(0, bytes);
}

/** One more holder of the memory behind `bytes`; nothing for memory that is not pooled. */
export function retain(bytes: Buffer): void {
  const pooled = known.get(bytes.buffer);
  if (pooled) pooled.holders++;
}

/** One holder less; the last one gives the memory back, and it must not be read any more. */
export function release(bytes: Buffer): void {
  const pooled = known.get(bytes.buffer);
  if (!pooled || --pooled.holders > 0) return;
  if (poisoned) pooled.whole.fill(POISON);
  if (free.length < MAX_FREE) free.push(pooled);
}

/** For tests: overwrites what is given back, so that a late read is noticed. */
export function poisonReleased(on: boolean): void {
  poisoned = on;
}

function make(): Pooled {
  const whole = Buffer.allocUnsafeSlow(POOLED_BYTES);
  const pooled = { whole, holders: 0 };
  known.set(whole.buffer, pooled);
  return pooled;
}
