import { describe, expect, it } from 'vitest';
import { overTime } from '../../../bench/lib/series.mjs';
import { niceTicks, svg } from '../../../bench/lib/svg.mjs';

const line = (points: number[][]) => [{ name: 'it', points }];

describe('the figures of the benchmarks', () => {
  it('have round ticks from 0 to at least the largest value', () => {
    expect(niceTicks(209)).toEqual([0, 100, 200, 300]);
    expect(niceTicks(0.3)).toEqual([0, 0.1, 0.2, 0.3]);
    expect(niceTicks(0)).toEqual([0, 1]);
  });

  it('name every axis with its unit, and read on a light and on a dark page', () => {
    const text = svg({ title: 'a < b', x: { label: 'time, s', log: false }, panels: [{ label: 'memory, MiB', lines: line([[0, 1]]) }] });
    for (const part of ['a &lt; b', 'time, s', 'memory, MiB', 'prefers-color-scheme: dark']) expect(text).toContain(part);
    expect(text).not.toContain('NaN');
  });

  it('put equal factors at equal distances on a logarithmic axis', () => {
    const points = [1, 4, 16].map((x) => [x, 5]);
    const text = svg({ title: 't', x: { label: 'x', log: true }, panels: [{ label: 'y', lines: line(points) }] });
    const [a, b, c] = [...text.matchAll(/<circle class="d0" cx="([\d.]+)"/g)].map((match) => Number(match[1]));
    expect(b! - a!).toBeCloseTo(c! - b!, 0);
  });

  it('refuse to show nothing', () => {
    expect(() => svg({ title: 'empty', x: { label: 'x', log: false }, panels: [] })).toThrow('the figure "empty" has no points');
  });

  it('leave out what was not sampled', () => {
    const samples = [
      { at: 0, rssMiB: 100, cores: null, diskMiB: null },
      { at: 1.0004, rssMiB: 101, cores: 0.5, diskMiB: null },
    ];
    const { panels } = overTime('t', samples);
    expect(panels.map(({ lines }) => lines[0]!.points)).toEqual([
      [
        [0, 100],
        [1, 101],
      ],
      [[1, 0.5]],
    ]);
  });
});
