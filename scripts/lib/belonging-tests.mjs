import { posix } from 'node:path';

const IMPORT = /\b(?:from|import)\s*\(?\s*['"](\.{1,2}\/[^'"]+)['"]/g;
const UNIT_TEST = /^test\/unit\/.+\.test\.ts$/;
/** In more steps nearly every test imports the store, the errors and the like. */
const MAX_STEPS = 2;

/**
 * The unit tests that belong to changed files, nearest first: changed tests, tests named as a changed file is, tests that import one, tests of
 * its folder, tests that import what imports it. `farther` are those that reach a changed file in more steps.
 * @param {{ name: string, text: string }[]} files sources and tests, with paths from the repository's root
 * @param {string[]} changed paths from the root
 * @returns {{ tests: Map<string, number>, farther: string[] }} each test with its rank, from 0
 */
export function belongingTests(files, changed) {
  const steps = stepsFrom(importers(files), changed);
  const tests = new Map();
  const farther = [];
  for (const { name } of files.filter((file) => UNIT_TEST.test(file.name))) {
    const rank = Math.min(importRank(steps.get(name)), ...changed.map((path) => folderRank(name, path)));
    if (rank < Infinity) tests.set(name, rank);
    else if (steps.has(name)) farther.push(name);
  }
  return { tests, farther };
}

function importRank(steps) {
  return steps === undefined || steps > MAX_STEPS ? Infinity : 2 * steps;
}

/** 1 for `test/unit/store/runs.test.ts` of `src/store/runs.ts` or `src/store/deep/runs.ts`, 3 for the other tests of that folder. */
function folderRank(test, path) {
  const [area, ...below] = path.split('/');
  if (test.split('/')[2] !== (area === 'src' ? below[0] : area)) return Infinity;
  return posix.basename(test, '.test.ts') === posix.basename(path, posix.extname(path)) ? 1 : 3;
}

/** The files that import each file. */
function importers(files) {
  const users = new Map();
  for (const { name, text } of files)
    for (const [, specifier] of text.matchAll(IMPORT)) {
      const used = posix.join(posix.dirname(name), specifier);
      users.set(used, [...(users.get(used) ?? []), name]);
    }
  return users;
}

/** The fewest imports from each file to a changed one. */
function stepsFrom(users, changed) {
  const found = new Map(changed.map((name) => [name, 0]));
  for (const [name, steps] of found) for (const user of users.get(name) ?? []) if (!found.has(user)) found.set(user, steps + 1);
  return found;
}
