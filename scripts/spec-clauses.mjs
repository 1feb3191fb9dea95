#!/usr/bin/env node
/**
 * Binds the specification, SPEC.md and docs/spec, to the tests: prints every clause that no test names, every name in a test or in src that is
 * no clause, and every page that is too long or that the index does not know.
 * `node scripts/spec-clauses.mjs [folder]`; exit code 1 when there is anything to print.
 */
import { pathToFileURL } from 'node:url';
import { clauseIssues } from './lib/clauses.mjs';
import { filesUnder } from './lib/files-under.mjs';
import { ROOT } from './lib/root.mjs';
import { pageIssues, readSpec } from './lib/spec-pages.mjs';

/** The issues of the repository in `root`, one line each, and how many clauses there are. */
export function checkClauses(root) {
  const spec = readSpec(root);
  const { issues, clauses } = clauseIssues({
    spec,
    tests: filesUnder(root, 'test', /\.ts$/),
    sources: ['src', 'web'].flatMap((folder) => filesUnder(root, folder, /\.(ts|mjs)$/)),
  });
  return { issues: [...issues, ...pageIssues(spec)], clauses };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { issues, clauses } = checkClauses(process.argv[2] ?? ROOT);
  for (const issue of issues) console.error(issue);
  if (issues.length > 0) process.exitCode = 1;
  else console.log(`${clauses} clauses, each with a test`);
}
