import { afterEach, describe, expect, it } from 'vitest';
import { poisonReleased, release, retain, take } from '../../../src/core/buffer-pool.ts';

const KIB = 1024;
afterEach(() => poisonReleased(false));

describe('a pooled buffer', () => {
  it('is used again once its last holder has released it, and not before', () => {
    const first = take(64 * KIB);
    retain(first.subarray(100, 200));
    release(first);
    const others = Array.from({ length: 20 }, () => take(64 * KIB));
    expect(others.some((other) => other.buffer === first.buffer)).toBe(false);
    release(first.subarray(5));
    const again = take(100 * KIB);
    expect(again.buffer).toBe(first.buffer);
    for (const one of [...others, again]) release(one);
  });

  it('is overwritten when it is given back, where that is asked for, so that a reader who should be through is found out', () => {
    poisonReleased(true);
    const buffer = take(64 * KIB).fill('a');
    const late = buffer.subarray(0, 3);
    release(buffer);
    expect(late.toString()).not.toBe('aaa');
  });

  it('has the length that was asked for; small and huge ones are ordinary, and releasing them does nothing', () => {
    for (const bytes of [0, 1, 16 * KIB - 1, 16 * KIB, 256 * KIB, 256 * KIB + 1]) {
      const buffer = take(bytes);
      expect(buffer.length).toBe(bytes);
      release(buffer);
    }
    const ordinary = Buffer.alloc(64 * KIB, 'a');
    retain(ordinary);
    release(ordinary);
    release(ordinary);
    expect(ordinary.every((byte) => byte === 0x61)).toBe(true);
  });
});
