import { describe, expect, it } from 'vitest';
import { clauseIssues } from '../../../scripts/lib/clauses.mjs';

const words = { name: 'docs/spec/words.md', text: '# Words\n\n## Words {#words}\nText.\n' };
const log = { name: 'docs/spec/log.md', text: '# The log\n\n## Offsets {#stream_offset}\nText.\n' };
const spec = [words, log];
const titled = (...titles: string[]) => [
  { name: 'a.test.ts', text: titles.map((title) => `it(${JSON.stringify(title)}, () => {});`).join('\n') },
];
const both = titled('{#words} are few', '{#stream_offset} is kept');
const issues = (input: Partial<Parameters<typeof clauseIssues>[0]>) => clauseIssues({ spec, tests: both, sources: [], ...input }).issues;

describe('the check of SPEC clauses', () => {
  it('is content when every clause has a test, and counts the clauses', () => {
    expect(clauseIssues({ spec, tests: both, sources: [] })).toEqual({ issues: [], clauses: 2 });
  });

  it('names a clause that no test names', () => {
    expect(issues({ tests: titled('{#words} are few') })).toEqual(['docs/spec/log.md: no test names {#stream_offset}']);
  });

  it('names a title whose clause does not exist', () => {
    expect(issues({ tests: [...both, ...titled('{#gone} is kept')] })).toEqual([
      'a.test.ts: a title names {#gone}, which is no clause of the specification',
    ]);
  });

  it('names a comment in the sources whose clause does not exist, also in a list', () => {
    const text = '/** Writes (SPEC {#words}, {#lost} and {#stream_offset}). */';
    expect(issues({ sources: [{ name: 'src/a.ts', text }] })).toEqual(['src/a.ts: refers to SPEC {#lost}, which is no clause']);
  });

  it('names a clause id that is given twice, also on two pages, and a reference inside a page that leads nowhere', () => {
    const again = { ...log, text: `${log.text}\n## Again {#words}\nSee {#nowhere}.\n` };
    expect(issues({ spec: [words, again] })).toEqual([
      'docs/spec/log.md: two clauses are named {#words}',
      'docs/spec/log.md: refers to {#nowhere}, which is no clause',
    ]);
  });

  it.each([
    ['describe', "describe('{#words} and {#stream_offset}', () => {});"],
    ['each', "it.each([1])('{#words} {#stream_offset} %i', () => {});"],
    ['skipIf', "describe.skipIf(!x('tmux'))('{#words} {#stream_offset}', () => {});"],
    ['a template', 'for (const a of b) test(`{#words} {#stream_offset} ${a}`, () => {});'],
  ])('reads titles of %s', (_, text) => {
    expect(issues({ tests: [{ name: 'a.test.ts', text }] })).toEqual([]);
  });

  it.each([
    "it.skip('{#words} {#stream_offset}', () => {});",
    "it.todo('{#words} {#stream_offset}');",
    "// it('{#words} {#stream_offset}')",
    "log('{#words} {#stream_offset}');",
  ])('takes no proof from %s', (text) => {
    expect(issues({ tests: [{ name: 'a.test.ts', text }] })).toHaveLength(2);
  });

  it('leaves generated blocks and code blocks alone', () => {
    const generated = '<!-- generated:methods:session -->\n### x {#made}\n<!-- /generated -->\n```\n### y {#code}\n```\n';
    expect(issues({ spec: [words, { ...log, text: log.text + generated }] })).toEqual([]);
  });
});
