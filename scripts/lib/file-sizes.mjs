import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryFiles } from './repository-files.mjs';

const MEDIAN_LINES = 120;
const P90_LINES = 300;
const REASON_OVER_LINES = 500;
const REASON = /Over 500 lines because/;

/** Where the code is not in small files: the median, the ninetieth percentile, and every large file that says no reason. */
export function fileSizeIssues(root) {
  const files = repositoryFiles(root) ?? [];
  const sized = files
    .filter((path) => /^(src|migrations|web|scripts|bench|test)\/.*\.(ts|mjs)$/.test(path))
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))
    .map(({ path, text }) => ({ path, text, lines: text.split('\n').length - 1 }));
  const issues = sized
    .filter(({ lines, text }) => lines > REASON_OVER_LINES && !REASON.test(text))
    .map(({ path, lines }) => `${path}: ${lines} lines; split it, or write a comment "Over ${REASON_OVER_LINES} lines because ..."`);
  const source = sized
    .filter(({ path }) => path.startsWith('src/'))
    .map(({ lines }) => lines)
    .sort((a, b) => a - b);
  const median = percentile(source, 50);
  const p90 = percentile(source, 90);
  if (median > MEDIAN_LINES) issues.push(`src: the median file has ${median} lines, over ${MEDIAN_LINES}`);
  if (p90 > P90_LINES) issues.push(`src: one file in ten has ${p90} lines or more, over ${P90_LINES}`);
  return issues;
}

function percentile(sorted, percent) {
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? 0;
}
