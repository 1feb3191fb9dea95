import { describe, expect, it } from 'vitest';
import { failure, missed, summarise, table, withReport } from '../../../bench/lib/report.mjs';

const spec = { name: 'x', what: 'it', unit: 'ms', floor: 'the floor', against: 'the floor', target: { atMost: 2 } };
const runs = [
  { value: 10, floor: 5, peers: { other: 7 } },
  { value: 30, floor: 10, peers: { other: 9 } },
  { value: 90, floor: 60, peers: { other: 8 } },
];

describe('the report of the benchmarks', () => {
  it('gives medians, and the median of the ratios within each run', () => {
    expect(summarise(spec, runs)).toMatchObject({ value: 30, floor: 10, ratio: 2, target: '<= 2', met: true, peers: { other: 8 } });
  });

  it('compares with a peer where the target does', () => {
    const target = { atLeast: 4, moonshot: 9 };
    expect(summarise({ ...spec, against: 'other', target }, runs)).toMatchObject({ ratio: 3.33, target: '>= 4 (9)', met: false });
  });

  it('says that a missing peer is missing, and that nothing can be said against it', () => {
    const without = runs.map((run) => ({ ...run, peers: { other: null } }));
    const result = summarise({ ...spec, against: 'other' }, without);
    expect(result).toMatchObject({ ratio: null, met: null, peers: { other: null } });
    expect(table([result])).toContain('not measured x other | <= 2 | not measured | other: missing here');
  });

  it('says how to have the peer that is not a package of the system', () => {
    const peers = { 'Codex command/exec': null };
    const result = summarise(
      { ...spec, against: 'Codex command/exec' },
      runs.map((run) => ({ ...run, peers })),
    );
    expect(table([result])).toContain('Codex command/exec: missing here (--codex installs it');
  });

  it('tells what has no target without counting it as missed', () => {
    const result = summarise({ ...spec, target: undefined }, runs);
    expect(result).toMatchObject({ ratio: 2, target: '-', met: null });
    expect(missed([result])).toEqual([]);
    expect(missed([failure({ ...spec, target: undefined }, 'lost a line')])).toEqual(['x: lost a line, target -']);
  });

  it('replaces what stands between the markers and nothing else', () => {
    const report = {
      machine: { cpu: 'C', cores: 2, memoryGiB: 8, os: 'Linux', node: 'v20' },
      at: '2026-01-02T03:04:05Z',
      results: [summarise(spec, runs)],
    };
    const text = withReport('before\n<!-- results -->\nold\n<!-- /results -->\nafter\n', report);
    expect(text).toMatch(/^before\n<!-- results -->\nMeasured 2026-01-02 [\s\S]*\| x \| it \|[\s\S]*<!-- \/results -->\nafter\n$/);
    expect(text).not.toContain('old');
  });

  it('keeps a case that failed in the table, and names every target that was missed', () => {
    const results = [
      summarise(spec, runs),
      summarise({ ...spec, name: 'slow', target: { atMost: 1 } }, runs),
      failure({ ...spec, name: 'broken' }, 'lost a line'),
    ];
    expect(table(results)).toContain('| broken | it | failed: lost a line |');
    expect(missed(results)).toEqual(['slow: 2 x the floor, target <= 1', 'broken: lost a line, target <= 2']);
  });
});
