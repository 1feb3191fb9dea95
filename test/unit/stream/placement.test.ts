import { describe, expect, it } from 'vitest';
import type { Producer, RunnerRecord } from '../../../src/model/records.ts';
import { fitting, type Offered, waitReason } from '../../../src/stream/placement.ts';

const record = (name: string, more: Partial<RunnerRecord> = {}): RunnerRecord => ({
  name,
  labels: ['gpu'],
  backends: ['process'],
  capacity: 1,
  instance: `folder-${name}`,
  epoch: 1,
  lastSeen: 0,
  owner: 'admin',
  runs: [],
  version: '1',
  ...more,
});
const offered = (name: string, more: Partial<RunnerRecord> = {}, state: Offered['state'] = 'ready', live = 0): Offered => ({
  record: record(name, more),
  state,
  live,
});
const producer = (runner: string, more: Partial<Producer> = {}) => ({ runner, backend: 'process', run: 'ci-1', ...more }) as Producer;

describe('{#runner_selection} what a queued command waits for', () => {
  it('names the runners that nearly fit and what each lacks', () => {
    const all = [
      offered('a', { labels: ['gpu', 'eu'] }, 'ready', 1),
      offered('b', { labels: ['gpu', 'eu'], backends: ['pty'] }),
      offered('c', { labels: ['gpu'] }),
      offered('d', { labels: ['cpu'] }),
    ];
    expect(waitReason(producer('gpu,eu'), all)).toBe(
      'a free place on a runner named or labelled "gpu" and "eu" ("a" has no room, 1 of 1; "b" has no backend "process"; "c" is not "eu")',
    );
    expect(waitReason(producer('gpu,!eu', { backend: 'container' }), all.slice(0, 3))).toBe(
      'a runner named or labelled "gpu", and not named or labelled "eu" ("a" is "eu"; "b" is "eu"; "c" has no backend "container")',
    );
  });

  it('says that one is away, is draining, or takes other runs, and counts those beyond three', () => {
    const all = [
      offered('a', {}, 'away'),
      offered('b', {}, 'draining'),
      offered('c', { runs: ['nightly', 'rel-*'] }),
      offered('d', {}, 'away'),
    ];
    expect(waitReason(producer('gpu'), all)).toBe(
      'a free place on a runner named or labelled "gpu" ("a" is away; "b" is draining; "c" takes only runs like "nightly" or "rel-*", and 1 more)',
    );
    expect(waitReason(producer('gpu'), all.slice(0, 1))).toBe('a runner named or labelled "gpu" ("a" is away)');
  });

  it('is only the name where nobody is near, also for what no client could have asked for', () => {
    expect(waitReason(producer('tpu'), [offered('a')])).toBe('a runner named or labelled "tpu"');
    expect(waitReason(producer('name:x'), [offered('a')])).toBe('runner "x"');
    expect(waitReason(producer('no selector'), [offered('a')])).toBe('a runner named or labelled "no selector"');
  });
});

describe('{#runner_owner} a runner that takes some runs only', () => {
  it('fits for those alone', () => {
    const one = record('a', { runs: ['ci-*'] });
    expect(fitting(producer('gpu'))(one)).toBe(true);
    expect(fitting(producer('gpu', { run: 'shell' }))(one)).toBe(false);
  });
});
