#!/usr/bin/env node
/**
 * `npm run check`: every check that is no test, one line each, and what a failed one printed. `--fix` formats and sorts
 * imports instead; names after the options run only those checks (`npm run check -- types eslint`).
 */
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileSizeIssues } from './lib/file-sizes.mjs';
import { leakIssues } from './lib/leaks.mjs';
import { brokenLinks } from './lib/links.mjs';
import { ROOT } from './lib/root.mjs';
import { shellIssues } from './lib/shell-programs.mjs';
import { StepFailed } from './lib/step-failed.mjs';
import { wordIssues } from './lib/words.mjs';
import { prepare } from './prepare.mjs';

const bin = (name) => join(ROOT, 'node_modules/.bin', name);

const CHECKS = [
  { name: 'types', command: [bin('tsc'), '-p', 'tsconfig.json', '--noEmit'] },
  { name: 'types of web', command: [bin('tsc'), '-p', 'web', '--noEmit'] },
  { name: 'eslint', command: [bin('eslint'), '.', '--max-warnings', '0'] },
  { name: 'biome', command: [bin('biome'), 'check', '--colors=off', '.'] },
  { name: 'layers', command: [bin('depcruise'), 'src', 'migrations', 'web', 'test', 'scripts'] },
  { name: 'unused code', command: [bin('knip'), '--no-progress'] },
  { name: 'spec clauses', command: [process.execPath, 'scripts/spec-clauses.mjs'] },
  { name: 'generated docs', command: [process.execPath, 'scripts/docs.mjs', '--check'] },
  { name: 'links', issues: () => brokenLinks(ROOT) },
  { name: 'shell programs', issues: () => shellIssues(ROOT) },
  { name: 'file sizes', issues: () => fileSizeIssues(ROOT) },
  { name: 'machine names', issues: () => leakIssues(ROOT) },
  { name: 'plain words', issues: () => wordIssues(ROOT) },
];

/** Runs a program to its end; never rejects. */
function run([command, ...args], stdio = 'pipe') {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', stdio, stdio] });
    let output = '';
    child.stdout?.on('data', (data) => (output += data));
    child.stderr?.on('data', (data) => (output += data));
    child.once('error', (error) => resolve({ ok: false, output: String(error) }));
    child.once('close', (code) => resolve({ ok: code === 0, output }));
  });
}

async function perform(check) {
  const started = performance.now();
  const { ok, output } = check.command === undefined ? judge(await check.issues()) : await run(check.command);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${ok ? 'ok    ' : 'failed'}  ${check.name.padEnd(14)}  ${seconds.padStart(5)} s`);
  if (!ok) console.log(`${output.trimEnd().replace(/^/gm, '        ')}\n`);
  return ok;
}

function judge(issues) {
  return { ok: issues.length === 0, output: issues.join('\n') };
}

/** At most as many at once as there are processors. */
async function performAll(checks) {
  const waiting = [...checks];
  const results = [];
  const worker = async () => {
    for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) results.push(await perform(check));
  };
  await Promise.all(Array.from({ length: Math.min(4, availableParallelism()) }, worker));
  return results;
}

const [fix, names] = [process.argv.includes('--fix'), process.argv.slice(2).filter((arg) => !arg.startsWith('-'))];
const unknown = names.filter((name) => !CHECKS.some((check) => check.name === name));
if (unknown.length > 0) {
  console.error(`no check "${unknown[0]}"; there are: ${CHECKS.map((check) => check.name).join(', ')}`);
  process.exit(2);
}

try {
  await prepare();
} catch (error) {
  if (!(error instanceof StepFailed)) throw error;
  console.log(`failed  build\n${error.message}\n`);
  process.exitCode = 1;
}

if (fix) {
  const { ok } = await run([bin('biome'), 'check', '--write', '.'], 'inherit');
  if (!ok) process.exitCode = 1;
} else {
  const results = await performAll(names.length === 0 ? CHECKS : CHECKS.filter((check) => names.includes(check.name)));
  const failed = results.filter((ok) => !ok).length;
  console.log(failed === 0 ? `\nall ${results.length} checks passed` : `\n${failed} of ${results.length} checks failed`);
  if (failed > 0) process.exitCode = 1;
}
