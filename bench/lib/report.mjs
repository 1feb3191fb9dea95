import { arch, availableParallelism, cpus, release, totalmem, type } from 'node:os';
import { median, rounded } from './stats.mjs';

const BEGIN = '<!-- results -->';
const END = '<!-- /results -->';

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
  const ratio = medianOf(ratios);
  const { atLeast, atMost, moonshot } = spec.target;
  const met = ratio === null ? null : atLeast === undefined ? ratio <= atMost : ratio >= atLeast;
  const limit = atLeast === undefined ? `<= ${atMost}` : `>= ${atLeast}`;
  return {
    name: spec.name,
    what: spec.what,
    value: medianOf(runs.map((run) => run.value)),
    unit: spec.unit,
    floor: medianOf(runs.map((run) => run.floor)),
    floorIs: spec.floor,
    ratio,
    against: spec.against,
    target: moonshot === undefined ? limit : `${limit} (${moonshot})`,
    met,
    peers,
    runs: runs.map((run, index) => ({
      value: rounded(run.value),
      floor: rounded(run.floor),
      ratio: rounded(ratios[index]),
      peers: mapValues(run.peers, (value) => (value === null ? null : rounded(value))),
    })),
  };
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
    `${one.value} ${one.unit}`,
    `${one.floor} (${one.floorIs})`,
    `${one.ratio ?? 'not measured'} x ${one.against}`,
    one.target,
    one.met === null ? 'not measured' : one.met ? 'yes' : '**no**',
    Object.entries(one.peers)
      .map(([name, value]) => `${name}: ${value ?? 'missing here'}`)
      .join('; '),
  ]);
  const head = ['name', 'what', 'value', 'floor', 'ratio', 'target', 'met', 'peers'];
  return [head, head.map(() => '---'), ...rows]
    .map((row) => `| ${row.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n');
}

/** The text of a file with the report put between its markers. */
export function withReport(text, { machine: on, at, results }) {
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`the text has no ${BEGIN} ... ${END}`);
  const where = `Measured ${at.slice(0, 10)} on ${on.cores} cores of ${on.cpu}, ${on.memoryGiB} GiB, ${on.os}, Node ${on.node}; medians of ${results[0]?.runs.length ?? 0} runs.`;
  return `${text.slice(0, begin + BEGIN.length)}\n${where}\n\n${table(results)}\n${text.slice(end)}`;
}
