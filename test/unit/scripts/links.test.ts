import { describe, expect, it } from 'vitest';
import { linkIssues } from '../../../scripts/lib/links.mjs';

const guide = { name: 'docs/guide.md', text: '# Guide\n\n## Paths {#paths}\n\n## Paths {#paths}\n\n## `a` & b\n' };
const issues = (text: string) =>
  linkIssues({
    paths: ['README.md', 'docs/guide.md', 'test/unit/a.test.ts'],
    texts: [{ name: 'README.md', text: `# Start\n${text}` }, guide],
  });

describe('the check of links', () => {
  it.each([
    '[a](docs/guide.md), [b](docs/guide.md#paths-paths), [c](docs/guide.md#paths-paths-1) and [d](docs/guide.md#a--b)',
    '[here](#start), ![a test](test/unit/a.test.ts "A"), [a folder](docs/) and [`code`](test)',
    '[elsewhere](https://example.com/docs/none.md#none) and [mail](mailto:a@example.com)',
    '`[code](none.md)` is no link',
    '```\n[code](none.md)\n# Code\n```',
  ])('is content with %s', (text) => {
    expect(issues(text)).toEqual([]);
  });

  it.each([
    ['[a](docs/none.md)', 'docs/none.md leads to no file'],
    ['[a](guide.md#paths-paths)', 'guide.md#paths-paths leads to no file'],
    ['![a](none.png)', 'none.png leads to no file'],
    ['[a](docs/guide.md#paths)', 'docs/guide.md#paths leads to no heading of docs/guide.md'],
    ['[a](docs/guide.md#paths-paths-2)', 'docs/guide.md#paths-paths-2 leads to no heading of docs/guide.md'],
    ['[a](#none)', '#none leads to no heading of README.md'],
  ])('names %s', (text, issue) => {
    expect(issues(text)).toEqual([`README.md:2: ${issue}`]);
  });

  it('takes no heading from code, and a relative path from the folder of its file', () => {
    expect(issues('```\n# Code\n```\n[a](#code)')).toEqual(['README.md:5: #code leads to no heading of README.md']);
    const back = { name: 'docs/back.md', text: '[up](../README.md#start), [beside](guide.md) and [out](../../README.md)' };
    expect(linkIssues({ paths: ['README.md', 'docs/guide.md'], texts: [{ name: 'README.md', text: '# Start' }, back] })).toEqual([
      'docs/back.md:1: ../../README.md leads to no file',
    ]);
  });
});
