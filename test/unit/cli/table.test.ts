import { describe, expect, it } from 'vitest';
import { formatTable } from '../../../src/cli/table.ts';

const COLUMNS = [{ title: 'RUN', whole: true }, { title: 'STATE' }, { title: 'AGE', right: true }, { title: 'COMMAND' }] as const;
const ROW = ['login-fix', 'a long word for a state', '3 s', 'npm test -- --reporter=verbose --bail'];

describe('{#cli_tables} a table', () => {
  it('is whole where nobody says how wide it may be', () => {
    expect(formatTable(COLUMNS, [ROW])).toContain(ROW.join('  '));
  });

  it.each([100, 60, 45, 30])('fits a terminal of %i columns as far as it can, and never cuts what is copied', (width) => {
    const table = formatTable(COLUMNS, [ROW], width);
    const lines = table.trimEnd().split('\n');
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(Math.max(width, 9 + 8 + 3 + 8 + 6));
    expect(table).toContain('login-fix');
    expect(table).toContain('3 s');
  });

  it('cuts the last column first, and marks what is cut', () => {
    const [, row] = formatTable(COLUMNS, [ROW], 70).split('\n');
    expect(row).toContain('a long word for a state');
    expect(row).toMatch(/npm test.*…$/);
  });
});
