import { describe, expect, it } from 'vitest';
import { diffContent } from '../../../src/acp/diff-content.ts';
import { codeBlock, codeSpan } from '../../../src/acp/markdown.ts';
import { unifiedDiff } from '../../../src/files/diff.ts';
import { actionOf } from '../../../src/rpc/client/index.ts';

const shown = (attributes: Record<string, unknown>) => diffContent(actionOf(attributes), '/p');

describe('{#acp_tool_calls} what a proposal shows', () => {
  const change = { op: 'write', path: 'src/a.ts', text: 'one\n2\nthree\n' };

  it('has both texts of a changed file, worked out from what is stored', () => {
    const { diff } = unifiedDiff('src/a.ts', 'one\ntwo\nthree\n', change.text);
    expect(shown({ change, diff, before: 'x' })).toEqual([
      { type: 'diff', path: '/p/src/a.ts', oldText: 'one\ntwo\nthree\n', newText: change.text },
    ]);
  });

  it('of a new file has no old text, and of a removed one no new text', () => {
    expect(shown({ change, diff: '', before: null })).toMatchObject([{ oldText: null, newText: change.text }]);
    const { diff } = unifiedDiff('a', 'gone\n', undefined);
    expect(shown({ change: { op: 'remove', path: 'a' }, diff, before: 'x' })).toMatchObject([{ oldText: 'gone\n', newText: '' }]);
  });

  it('is the diff itself where that was cut or does not lead back', () => {
    const cut = '--- a/a\n+++ b/a\n@@ -1,1 +1,1 @@\n-x\n+not there\n';
    expect(shown({ change, diff: cut, before: 'x' })).toEqual([
      { type: 'content', content: { type: 'text', text: `\`\`\`diff\n${cut.trimEnd()}\n\`\`\`` } },
    ]);
    expect(shown({})).toBeUndefined();
  });

  it('shows commands so that nothing in them formats or hides', () => {
    expect(codeSpan('echo `date`\n')).toBe('``echo `date`⟨LF⟩``');
    expect(codeSpan('rm \u202e x')).toBe('`rm ⟨U+202E⟩ x`');
    expect(codeBlock('```\nx')).toBe('````\n```\nx\n````');
  });
});
