import { readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { anchorsIn, linksIn } from './markdown.mjs';
import { repositoryFiles } from './repository-files.mjs';

/** Links between the files of the repository in `root` that lead nowhere. */
export function brokenLinks(root) {
  const paths = repositoryFiles(root) ?? [];
  const texts = paths.filter((path) => path.endsWith('.md')).map((name) => ({ name, text: readFileSync(join(root, name), 'utf8') }));
  return linkIssues({ paths, texts });
}

/**
 * Relative links and anchors of Markdown files that lead to no file, no folder or no heading. Addresses of other sites are not looked at.
 * @param {{ paths: string[], texts: { name: string, text: string }[] }} input all files of the repository, and the Markdown files among them
 * @returns {string[]}
 */
export function linkIssues({ paths, texts }) {
  const known = new Set(paths.flatMap((path) => [path, ...foldersOf(path)]));
  const anchors = new Map(texts.map(({ name, text }) => [name, anchorsIn(text)]));
  return texts.flatMap(({ name, text }) =>
    linksIn(text)
      .filter(({ target }) => !/^([a-z][a-z0-9+.-]*:|\/\/)/i.test(target))
      .flatMap(({ target, line }) => {
        const [path, anchor] = target.split('#').map(decodeURIComponent);
        const file = path === '' ? name : posix.join(posix.dirname(name), path).replace(/\/$/, '');
        if (!known.has(file)) return [`${name}:${line}: ${target} leads to no file`];
        const missing = anchor !== undefined && anchors.has(file) && !anchors.get(file).has(anchor);
        return missing ? [`${name}:${line}: ${target} leads to no heading of ${file}`] : [];
      }),
  );
}

function foldersOf(path) {
  const parts = path.split('/').slice(0, -1);
  return ['.', ...parts.map((_, index) => parts.slice(0, index + 1).join('/'))];
}
