#!/usr/bin/env node
/**
 * Binds SPEC.md to the tests: prints every clause that no test names, every name in a test or in src that is no clause.
 * `node scripts/spec-clauses.mjs [folder]`; exit code 1 when there is anything to print.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { clauseIssues } from './lib/clauses.mjs';
import { ROOT } from './lib/root.mjs';

function filesUnder(root, folder, ending) {
  let names;
  try {
    names = readdirSync(join(root, folder), { recursive: true });
  } catch {
    return [];
  }
  return names
    .map((name) => join(root, folder, name))
    .filter((file) => ending.test(file) && statSync(file).isFile())
    .map((file) => ({ name: relative(root, file), text: readFileSync(file, 'utf8') }));
}

/** The issues of the repository in `root`, one line each, and how many clauses there are. */
export function checkClauses(root) {
  return clauseIssues({
    spec: readFileSync(join(root, 'SPEC.md'), 'utf8'),
    tests: filesUnder(root, 'test', /\.ts$/),
    sources: ['src', 'web'].flatMap((folder) => filesUnder(root, folder, /\.(ts|mjs)$/)),
  });
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { issues, clauses } = checkClauses(process.argv[2] ?? ROOT);
  for (const issue of issues) console.error(issue);
  if (issues.length > 0) process.exitCode = 1;
  else console.log(`${clauses} clauses, each with a test`);
}
