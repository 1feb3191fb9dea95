/** Samples of a process as the series of a result: memory, processor and, where taken, disk, over time. */
export function overTime(title, samples) {
  const panel = (label, key, name) => ({
    label,
    lines: [{ name, points: samples.filter((sample) => sample[key] !== null).map((sample) => [round(sample.at), round(sample[key])]) }],
  });
  const panels = [panel('resident memory, MiB', 'rssMiB', 'headgate serve'), panel('processor, cores', 'cores', 'headgate serve')];
  if (samples.some((sample) => sample.diskMiB !== null))
    panels.push(panel('data folder on disk, MiB', 'diskMiB', 'database, log and spool'));
  return { title, x: { label: 'time, s', log: false }, panels };
}

function round(value) {
  return Number(value.toFixed(3));
}
