import { arch, availableParallelism, cpus, release, totalmem, type } from 'node:os';
import { missingHere } from './peers.mjs';
import { profileTables, summariseProfile } from './profile.mjs';
import { median, rounded } from './stats.mjs';

/** What a result says that is told and has no target. */
const NO_TARGET = '-';

/** What the numbers were measured on; nothing that names the machine. */
export function machine() {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    os: `${type()} ${release().split('-')[0]} ${arch()}`,
    node: process.version,
  };
}

/**
 * One result out of its runs. The ratio is the median of the runs' own ratios: what the machine did during one run met
 * both sides of it.
 */
export function summarise(spec, runs) {
  const peerNames = Object.keys(runs[0]?.peers ?? {});
  const peers = Object.fromEntries(peerNames.map((name) => [name, medianOf(runs.map((run) => run.peers[name]))]));
  const ratios = runs.map((run) => run.value / (spec.against === spec.floor ? run.floor : (run.peers[spec.against] ?? Number.NaN)));
  const series = runs.at(-1)?.series;
  const ratio = medianOf(ratios);
  const { atLeast, atMost } = spec.target ?? {};
  const met = ratio === null || spec.target === undefined ? null : atLeast === undefined ? ratio <= atMost : ratio >= atLeast;
  return {
    name: spec.name,
    what: spec.what,
    value: medianOf(runs.map((run) => run.value)),
    unit: spec.unit,
    floor: medianOf(runs.map((run) => run.floor)),
    floorIs: spec.floor,
    ratio,
    against: spec.against,
    target: targetText(spec),
    met,
    peers,
    runs: runs.map((run, index) => ({
      value: rounded(run.value),
      floor: rounded(run.floor),
      ratio: rounded(ratios[index]),
      peers: mapValues(run.peers, (value) => (value === null ? null : rounded(value))),
    })),
    ...(series === undefined ? {} : { series }),
  };
}

/** The result of a case that could not be measured, or whose contents were wrong: it stays in the table and meets nothing. */
export function failure(spec, reason) {
  const { name, what, unit, floor: floorIs, against } = spec;
  const target = targetText(spec);
  return {
    name,
    what,
    value: null,
    unit,
    floor: null,
    floorIs,
    ratio: null,
    against,
    target,
    met: false,
    failed: reason,
    peers: {},
    runs: [],
  };
}

function targetText({ target }) {
  if (target === undefined) return NO_TARGET;
  const { atLeast, atMost, moonshot } = target;
  const limit = atLeast === undefined ? `<= ${atMost}` : `>= ${atLeast}`;
  return moonshot === undefined ? limit : `${limit} (${moonshot})`;
}

function medianOf(values) {
  return values.some((value) => value === null || Number.isNaN(value)) ? null : rounded(median(values));
}

function mapValues(object, change) {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]));
}

/** The results as a Markdown table. */
export function table(results) {
  const rows = results.map((one) => [
    one.name,
    one.what,
    one.failed === undefined ? `${one.value} ${one.unit}${one.runs.length === 1 ? ' (1 run)' : ''}` : `failed: ${one.failed}`,
    `${one.floor ?? 'not measured'} (${one.floorIs})`,
    `${one.ratio ?? 'not measured'} x ${one.against}`,
    one.target,
    one.met === null ? (one.target === NO_TARGET ? NO_TARGET : 'not measured') : one.met ? 'yes' : '**no**',
    Object.entries(one.peers)
      .map(([name, value]) => `${name}: ${value ?? missingHere(name)}`)
      .join('; '),
  ]);
  const head = ['name', 'what', 'value', 'floor', 'ratio', 'target', 'met', 'peers'];
  return [head, head.map(() => '---'), ...rows]
    .map((row) => `| ${row.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n');
}

/** The targets that were missed, a line each with the ratio; empty when all were met. */
export function missed(results) {
  return results
    .filter(({ met, target, failed }) => met !== true && (target !== NO_TARGET || failed !== undefined))
    .map((one) => {
      const found = one.failed ?? (one.ratio === null ? 'not measured' : `${one.ratio} x ${one.against}`);
      return `${one.name}: ${found}, target ${one.target}`;
    });
}

function where({ machine: on, at }) {
  return `Measured ${at.slice(0, 10)} on ${on.cores} cores of ${on.cpu}, ${on.memoryGiB} GiB, ${on.os}, Node ${on.node}`;
}

/** The text of a file with the report put between its markers. */
export function withReport(text, report) {
  const { results, reduced = false } = report;
  const runs = Math.max(0, ...results.map((one) => one.runs.length));
  const notes = `medians of ${runs} runs${reduced ? ', **of reduced size**' : ''}.`;
  const bad = missed(results);
  const list = bad.length === 0 ? 'Every target was met.' : `Targets not met:\n\n${bad.map((line) => `- ${line}`).join('\n')}`;
  return between(text, 'results', `${where(report)}; ${notes}\n\n${table(results)}\n\n${list}`);
}

/** The same for the profiles of the paths. */
export function withProfile(text, report, paths) {
  const what = `${where(report)}; main thread of the server, warm: ${paths.map((path) => `${path.name}: ${path.what}`).join('; ')}.`;
  const profiles = paths.map(({ name, profile }) => ({ name, summary: summariseProfile(profile) }));
  return between(text, 'profile', `${what}\n\n${profileTables(profiles)}`);
}

function between(text, name, content) {
  const [opening, closing] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const begin = text.indexOf(opening);
  const end = text.indexOf(closing);
  if (begin < 0 || end < begin) throw new Error(`the text has no ${opening} ... ${closing}`);
  return `${text.slice(0, begin + opening.length)}\n${content}\n${text.slice(end)}`;
}
