import pc from 'picocolors';
import { describe, expect, it } from 'vitest';
import { diffLines } from '../../../src/cli/diff-lines.ts';

const colors = pc.createColors(true);

describe('{#cli_attach} {#file_edits} the change that is proposed', () => {
  it('is shown as a diff in colours, without what would control the terminal', () => {
    const lines = diffLines('--- a/x\n+++ b/x\n@@ -1 +1 @@\n-old\n+new \u001b[2Jhidden\n', colors);
    expect(lines.slice(2)).toEqual([colors.cyan('@@ -1 +1 @@'), colors.red('-old'), expect.not.stringContaining('\u001b[2J')]);
    expect(lines[4]).toContain('hidden');
  });

  it('is cut after 200 lines, and says so', () => {
    const lines = diffLines(`${'+x\n'.repeat(300)}`, colors);
    expect(lines).toHaveLength(201);
    expect(lines.at(-1)).toBe('... 100 more lines');
  });
});
