/** The value below which `percent` of the values lie; of an empty list NaN. */
export function percentile(values, percent) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? Number.NaN;
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Three significant digits, so that files differ only where results do. */
export function rounded(value) {
  return Number.isFinite(value) ? Number(value.toPrecision(3)) : null;
}

/** Microseconds that each call of `work` took. */
export function timed(times, work) {
  return Array.from({ length: times }, (_, index) => {
    const start = process.hrtime.bigint();
    work(index);
    return Number(process.hrtime.bigint() - start) / 1000;
  });
}
