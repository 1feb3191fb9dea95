import { setTimeout as delay } from 'node:timers/promises';

/**
 * Now and then, after a pause of `pauseMs` ([least, most] milliseconds), a client stops reading for up to `stallMs`, or goes
 * away without a word. `linkOf` returns its connection, if any; `isOver` ends it.
 */
export async function misbehave({ random, totals, linkOf, isOver, pauseMs, stallChance, stallMs }) {
  while (!isOver()) {
    await delay(random.int(...pauseMs), undefined, { ref: false });
    const link = linkOf();
    if (!link || isOver()) continue;
    if (random.chance(stallChance)) {
      totals.stalls++;
      link.stall();
      await Promise.race([delay(random.scale(50, stallMs), undefined, { ref: false }), link.closed]);
      link.resume();
    } else {
      totals.vanished++;
      link.vanish();
    }
  }
}
