import { posix } from 'node:path';
import { clausesIn } from './clauses.mjs';
import { anchorOf } from './markdown.mjs';

/** @typedef {{ name: string, text: string }} SourceFile */

/**
 * The index of SPEC.md: each page with its clauses, their ids, their titles and where they stand.
 * @param {SourceFile[]} spec
 */
export function clauseIndex(spec) {
  const pages = spec.map((page) => ({ ...page, clauses: clausesIn([page]) })).filter(({ clauses }) => clauses.length > 0);
  return pages
    .map(({ name, text, clauses }) => {
      const [, title] = /^# (.*)$/m.exec(text) ?? [];
      const rows = clauses.map((clause) => `- [${clause.id}](${name}#${anchorOf(clause.heading)}): ${clause.title}`);
      return [`### [${title}](${name})\n`, ...rows, ''].join('\n');
    })
    .join('\n');
}

/**
 * The list at the end of a page: each of its clauses with the files of the tests whose titles name it.
 * @param {SourceFile} page
 * @param {Map<string, Set<string>>} proven what `provenIn` returns of the tests
 */
export function testList(page, proven) {
  const link = (test) =>
    `[${test.replace(/^test\//, '').replace(/(\.test)?\.ts$/, '')}](${posix.relative(posix.dirname(page.name), test)})`;
  return clausesIn([page])
    .map(({ id }) => `- \`${id}\`: ${[...(proven.get(id) ?? [])].sort().map(link).join(', ')}`)
    .join('\n');
}
