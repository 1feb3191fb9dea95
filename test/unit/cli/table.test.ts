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

  it('{#cli_answer} shows what is decided on whole, and of what is very long how much is left out', () => {
    const columns = [
      { title: 'RUN', whole: true },
      { title: 'PROPOSAL', whole: true },
    ];
    const command = `echo ${'done '.repeat(60)}; rm -rf x`;
    expect(formatTable(columns, [['r', command]], 80)).toContain(command);
    const long = formatTable(columns, [['r', `echo ${'a'.repeat(5000)}; rm -rf x`]], 80);
    expect(long).toMatch(/^r +echo a+⟨1515 more characters⟩a+; rm -rf x$/m);
  });
});
