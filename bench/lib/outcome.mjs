import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { flameGraph } from './flame.mjs';
import { withProfile, withReport } from './report.mjs';
import { svg } from './svg.mjs';

const bench = new URL('../', import.meta.url);
const work = new URL('.work/', bench);

/** Where a report goes: beside the code when it is whole, else a folder that is not kept in the repository. */
function place({ reduced }) {
  if (!reduced) return bench;
  mkdirSync(work, { recursive: true });
  const readme = new URL('README.md', work);
  if (!existsSync(readme)) copyFileSync(new URL('README.md', bench), readme);
  return work;
}

function rewrite(folder, change) {
  const readme = new URL('README.md', folder);
  writeFileSync(readme, change(readFileSync(readme, 'utf8')));
}

/** Writes results.json, a figure for each result that has a series, and the table. Returns the folder. */
export function writeReport(report) {
  const folder = place(report);
  const plots = new URL('plots/', folder);
  mkdirSync(plots, { recursive: true });
  writeFileSync(new URL('results.json', folder), `${JSON.stringify(report, null, 2)}\n`);
  for (const { name, series } of report.results) if (series !== undefined) writeFileSync(new URL(`${name}.svg`, plots), svg(series));
  rewrite(folder, (text) => withReport(text, report));
  return fileURLToPath(folder);
}

/** Writes the table of where the time goes, and a flame graph of each path. Returns the folder. */
export function writeProfile(report, paths) {
  const folder = place(report);
  const plots = new URL('plots/', folder);
  mkdirSync(plots, { recursive: true });
  for (const { name, what, profile } of paths) writeFileSync(new URL(`flame-${name}.svg`, plots), flameGraph(`${name}: ${what}`, profile));
  rewrite(folder, (text) => withProfile(text, report, paths));
  return fileURLToPath(folder);
}
