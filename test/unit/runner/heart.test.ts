import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Clock } from '../../../src/core/clock.ts';
import { Heart } from '../../../src/runner/remote/heart.ts';

const LEASE_MS = 6000;

describe('{#runner_lease} the heart of a runner', () => {
  let now: number;
  let heardAt: number;
  let beats: number;
  let silentAt: number | undefined;
  let heart: Heart;

  beforeEach(() => {
    vi.useFakeTimers();
    now = heardAt = beats = 0;
    silentAt = undefined;
    const clock: Clock = { now: () => now, monotonic: () => now };
    heart = new Heart({
      leaseMs: LEASE_MS,
      clock,
      heard: () => heardAt,
      beat: () => void beats++,
      silent: () => {
        silentAt = now;
      },
    });
  });
  afterEach(() => {
    heart.stop();
    vi.useRealTimers();
  });

  function pass(ms: number): void {
    now += ms;
    vi.advanceTimersByTime(ms);
  }

  it('beats three times in a lease for as long as anything comes', () => {
    for (let i = 0; i < 10 * LEASE_MS; i += 500) {
      heardAt = now;
      pass(500);
    }
    expect(beats).toBe(30);
    expect(silentAt).toBeUndefined();
  });

  it('gives a silent server up once, within the lease', () => {
    for (let i = 0; i < 2 * LEASE_MS; i += 500) pass(500);
    expect(silentAt).toBe((LEASE_MS / 6) * 5);
  });

  it('looks again after having stood still itself, before it takes the server for gone', () => {
    // Stopped for ten leases: one look is due, and what came meanwhile is read after it.
    now += 10 * LEASE_MS;
    vi.advanceTimersByTime(LEASE_MS / 6);
    heardAt = now;
    pass(LEASE_MS / 6);
    pass(LEASE_MS / 6);
    expect(silentAt).toBeUndefined();
  });
});
