import { readFileSync } from 'node:fs';
import { homedir, hostname } from 'node:os';
import { join } from 'node:path';
import { repositoryFiles } from './repository-files.mjs';

/** A folder or name that is this short says nothing about a machine. */
const TELLING_LENGTH = 5;
const REGISTRY = /https?:\/\/[\w.:-]*(registry\.|npmjs|verdaccio|artifactory|nexus|jfrog)[^\s"')]*/i;

/** Files of the repository that name this machine (its folders, its host name) or a package registry. */
export function leakIssues(root) {
  const told = [root, homedir(), hostname()].filter((name) => name.length >= TELLING_LENGTH && name !== 'localhost');
  const issues = [];
  for (const path of repositoryFiles(root) ?? []) {
    const text = readFileSync(join(root, path), 'latin1');
    if (text.includes('\0')) continue;
    for (const [index, line] of text.split('\n').entries()) {
      const name = told.find((one) => containsWord(line, one)) ?? REGISTRY.exec(line)?.[0];
      if (name !== undefined) issues.push(`${path}:${index + 1}: names "${name}"`);
    }
  }
  return issues;
}

function containsWord(line, word) {
  for (let at = line.indexOf(word); at >= 0; at = line.indexOf(word, at + 1)) {
    if (!/\w/.test(line[at - 1] ?? '') && !/[\w-]/.test(line[at + word.length] ?? '')) return true;
  }
  return false;
}
