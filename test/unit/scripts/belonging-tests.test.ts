import { describe, expect, it } from 'vitest';
import { belongingTests } from '../../../scripts/lib/belonging-tests.mjs';

const FILES = [
  { name: 'src/store/runs.ts', text: '' },
  { name: 'src/store/index.ts', text: "export { Runs } from './runs.ts';" },
  { name: 'src/runtime/loop.ts', text: "import { openStore } from '../store/index.ts';" },
  { name: 'test/unit/runtime/loop.test.ts', text: "import { Loop } from '../../../src/runtime/loop.ts';" },
  { name: 'test/unit/rpc/store.test.ts', text: "const { openStore } = await import('../../../src/store/index.ts');" },
  { name: 'test/unit/cli/rows.test.ts', text: "import { Runs } from '../../../src/store/runs.ts';" },
  { name: 'test/unit/store/open.test.ts', text: '' },
  { name: 'test/unit/store/runs.test.ts', text: '' },
  { name: 'test/unit/web/lines.test.ts', text: '' },
  { name: 'test/e2e/runs.test.ts', text: "import { Runs } from '../../src/store/runs.ts';" },
];

describe('the unit tests that belong to a change', () => {
  it('have its name, import it, lie in its folder, or import what imports it, in this order; others that reach it are named', () => {
    const { tests, farther } = belongingTests(FILES, ['src/store/runs.ts']);
    expect([...tests].toSorted(([, a], [, b]) => a - b).map(([name]) => name)).toEqual([
      'test/unit/store/runs.test.ts',
      'test/unit/cli/rows.test.ts',
      'test/unit/store/open.test.ts',
      'test/unit/rpc/store.test.ts',
    ]);
    expect(farther).toEqual(['test/unit/runtime/loop.test.ts']);
  });

  it('are those that changed, before others', () => {
    const { tests } = belongingTests(FILES, ['test/unit/web/lines.test.ts']);
    expect(tests).toEqual(new Map([['test/unit/web/lines.test.ts', 0]]));
  });

  it('are none for a page', () => {
    expect(belongingTests(FILES, ['README.md'])).toEqual({ tests: new Map(), farther: [] });
  });
});
