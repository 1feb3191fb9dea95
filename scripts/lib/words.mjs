import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryFiles } from './repository-files.mjs';

/** Where the product's own text is, for those who use it or read its sources. */
const SHIPPED = /^(src|web|docs|clients|[A-Z]+\.md$)/;
/** Words that a reader stumbles over, what stands in their place (CONTRIBUTING.md), and the files that are looked at. */
const WORDS = [
  [/\bwhoever\b/i, 'the caller", "the first writer", "a client that ...', SHIPPED],
  [/\banew\b(?!\()/, 'again'],
  [/(\/\*\*|\.|;|,|\band) [Aa]nswers (how|whether|what|where|which|true|false|undefined|the number)\b/, 'returns'],
  [/\b(handler|host|it|server) answered (\$\{|\d|HTTP|a|an|no|nothing|what|which|writes)\b/, 'returned", "replied', SHIPPED],
  [/`[\w./]+` answers (?!no\b|to\b)/, '`method` returns', SHIPPED],
  [/\b(for|of|with) what is (no|none)\b/i, 'for a text that is not ...', SHIPPED],
  [/\bthe answer takes\b/i, 'returns a function that removes', SHIPPED],
  [/\bof which nothing\b/, 'name what is known, or what does not come', SHIPPED],
  [/\bto be had\b/, 'there is no", "is lost', SHIPPED],
  [/`\w+` is told\b/, '`callback` is called with', /^(src|web)/],
  [/\bwhen nobody answers\b/, 'when no server responds', SHIPPED],
];
const TEXT = /\.(ts|tsx|mjs|sh|lua|el|md)$/;
/** Files that quote these words, or are what was written at its time. */
const QUOTES = ['scripts/lib/words.mjs', 'CONTRIBUTING.md', 'CHANGELOG.md'];

/** Lines with words for which there is a plainer one. */
export function wordIssues(root) {
  return (repositoryFiles(root) ?? [])
    .filter((path) => TEXT.test(path) && !QUOTES.includes(path))
    .flatMap((path) =>
      readFileSync(join(root, path), 'utf8')
        .split('\n')
        .map((line, index) => ({ path, line, number: index + 1 })),
    )
    .flatMap(({ path, line, number }) =>
      WORDS.filter(([word, , where = TEXT]) => where.test(path) && word.test(line)).map(
        ([word, better]) => `${path}:${number}: "${word.exec(line)?.[0]}"; write "${better}"`,
      ),
    );
}
