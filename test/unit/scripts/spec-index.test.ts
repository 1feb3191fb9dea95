import { describe, expect, it } from 'vitest';
import { provenIn } from '../../../scripts/lib/clauses.mjs';
import { clauseIndex, testList } from '../../../scripts/lib/spec-index.mjs';
import { pageIssues } from '../../../scripts/lib/spec-pages.mjs';

const front = { name: 'SPEC.md', text: '# Headgate\n\nSee {#paths}.\n' };
const page = {
  name: 'docs/spec/agent/loop.md',
  text: '# The loop\n\nFor all.\n\n## Paths {#paths}\nA.\n\n## Who asks, and why? {#ask_why}\nB.\n\n## Tests\n',
};

describe('the index of the specification', () => {
  it('has each page with its clauses, and nothing of pages without any', () => {
    expect(clauseIndex([front, page])).toBe(
      [
        '### [The loop](docs/spec/agent/loop.md)',
        '',
        '- [paths](docs/spec/agent/loop.md#paths-paths): Paths',
        '- [ask_why](docs/spec/agent/loop.md#who-asks-and-why-ask_why): Who asks, and why?',
        '',
      ].join('\n'),
    );
  });

  it('names under a page the tests of its clauses, each file once', () => {
    const tests = [
      { name: 'test/unit/loop/ask.test.ts', text: "it('{#ask_why} a', () => {}); it('{#ask_why} b', () => {});" },
      { name: 'test/contract/paths.contract.ts', text: "describe('{#paths} and {#ask_why}', () => {});" },
      { name: 'test/unit/loop/skipped.test.ts', text: "it.skip('{#paths} a', () => {});" },
    ];
    expect(testList(page, provenIn(tests))).toBe(
      [
        '- `paths`: [contract/paths.contract](../../../test/contract/paths.contract.ts)',
        '- `ask_why`: [contract/paths.contract](../../../test/contract/paths.contract.ts), [unit/loop/ask](../../../test/unit/loop/ask.test.ts)',
      ].join('\n'),
    );
  });
});

describe('the check of pages', () => {
  it('is content with a page of the index that says what it is about', () => {
    expect(pageIssues([front, page])).toEqual([]);
  });

  it('names a page that the index does not know, one that is too long, and one that begins with a clause', () => {
    const long = { name: 'docs/spec/storage.md', text: `# Storage\n\nFor all.\n${'é'.repeat(13_000)}\n` };
    const bare = { name: 'docs/spec/server.md', text: '# Server\n\n## Token {#token}\n' };
    expect(pageIssues([{ ...page, name: 'docs/spec/new.md' }, long, bare])).toEqual([
      'docs/spec/new.md: the index does not know it; name it in scripts/lib/spec-pages.mjs',
      'docs/spec/storage.md: 26021 bytes, over 25600; split it',
      'docs/spec/server.md: begins with no title and sentence about what it is and who reads it',
    ]);
  });
});
