import { expect, it } from 'vitest';
import { flameGraph } from '../../../bench/lib/flame.mjs';
import { profileTables, summariseProfile } from '../../../bench/lib/profile.mjs';

const node = (id: number, functionName: string, url: string, children: number[] = []) => ({
  id,
  callFrame: { functionName, url },
  children,
});

it('a profile counts native functions for their callers, and leaves idle time out of the shares', () => {
  const nodes = [
    node(1, '(root)', '', [2, 3, 5]),
    node(2, '(idle)', ''),
    node(3, 'append', 'file:///x/dist/src/store/channels.js', [4]),
    node(4, 'run', ''),
    node(5, '(garbage collector)', ''),
  ];
  const summary = summariseProfile({ nodes, samples: [2, 3, 4, 5], timeDeltas: [9000, 1000, 2000, 1000] });
  expect(summary).toMatchObject({ busyMs: 4, idleMs: 9 });
  expect(summary.groups[0]).toEqual({ name: 'src/store: SQL, segments, transactions', ms: 3, share: 0.75 });
  expect(summary.functions[0]).toMatchObject({ name: 'run (native), from append (src/store/channels.js)', ms: 2 });
  const text = profileTables([{ name: 'JSON', summary }]);
  expect(text).toContain('| src/store: SQL, segments, transactions | 75.0 % (3 ms) |');
  expect(text).not.toContain('idle');
});

it('a flame graph joins the same function under the same callers, and leaves out idle time and the profiler itself', () => {
  const nodes = [
    node(1, '(root)', '', [2, 3, 5, 7]),
    node(2, '(idle)', ''),
    node(3, 'append', 'file:///x/dist/src/store/channels.js', [4]),
    node(4, 'run', ''),
    node(5, 'append', 'file:///x/dist/src/store/channels.js', [6]),
    node(6, 'run', ''),
    node(7, 'post', 'node:inspector'),
  ];
  const text = flameGraph('a < b', { nodes, samples: [2, 3, 4, 6, 7], timeDeltas: [9000, 1000, 2000, 1000, 5000] });
  expect([...text.matchAll(/<title>([^<]+)<\/title>/g)].map((match) => match[1])).toEqual([
    'busy: 4.0 ms, 100.0 %',
    'append (src/store/channels.js): 4.0 ms, 100.0 %',
    'run: 3.0 ms, 75.0 %',
  ]);
  expect(text).toContain('a &lt; b');
});
