import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ScrollMap } from '../../../web/src/output/scroll-map.ts';

const ROW = 18;
const VIEW = 600;

/** A view of so many rows, as a browser would scroll it. */
function view(rows: number) {
  const map = new ScrollMap(ROW);
  map.resize(rows, VIEW);
  const scrollTo = (scrollTop: number) => map.scrolled(Math.min(map.heightPx - VIEW, Math.max(0, scrollTop)));
  return { map, scrollTo, scrollBy: (px: number) => scrollTo(map.scrollTop + px) };
}

describe('{#portal_output_scroll} the place in an output', () => {
  it('is the scroll bar itself while all rows fit', () => {
    const { map, scrollTo } = view(1000);
    expect(map.heightPx).toBe(18_000);
    scrollTo(17_400);
    expect(map).toMatchObject({ topPx: 17_400, atEnd: true, progress: 1 });
  });

  it('reaches both ends of ten million rows, and every row between, behind a bar of bounded height', () => {
    const { map, scrollTo, scrollBy } = view(10_000_000);
    expect(map.heightPx).toBe(8_000_000);
    scrollTo(map.heightPx);
    expect(map).toMatchObject({ topPx: 10_000_000 * ROW - VIEW, atEnd: true });
    scrollBy(-120);
    expect(map.maxTopPx - map.topPx).toBe(120);
    scrollTo(0);
    expect(map.topPx).toBe(0);
    for (let step = 0; step < 1000; step++) scrollBy(100);
    expect(map.topPx).toBe(100_000);
  });

  it('keeps its row while rows come, and goes where it is told', () => {
    const { map } = view(5_000_000);
    map.moveTo(4_321 * ROW);
    map.resize(6_000_000, VIEW);
    expect(map.topPx).toBe(4_321 * ROW);
    map.moveTo(Number.POSITIVE_INFINITY);
    expect(map.atEnd).toBe(true);
  });

  it('moves by what is scrolled, wherever it is, and never sticks before an end', () => {
    const step = fc.oneof(fc.integer({ min: -590, max: 590 }), fc.integer({ min: -9_000_000, max: 9_000_000 }));
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20_000_000 }), fc.array(step, { maxLength: 60 }), (rows, steps) => {
        const { map, scrollBy } = view(rows);
        for (const px of steps) {
          const before = map.topPx;
          scrollBy(px);
          if (Math.abs(px) < VIEW) expect(map.topPx).toBeCloseTo(Math.min(map.maxTopPx, Math.max(0, before + px)), 3);
          expect(map.scrollTop).toBeGreaterThanOrEqual(0);
          expect(map.scrollTop).toBeLessThanOrEqual(map.heightPx - VIEW);
        }
      }),
    );
  });
});
