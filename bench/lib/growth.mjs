import { median, percentile, timed } from './stats.mjs';
import { lineCount, sample } from './store.mjs';

const MIB = 1024 * 1024;
/** Where the cost is looked at; each is four times the one before. */
const SIZES_MIB = [1, 4, 16, 64, 256, 1024];
const APPEND_BYTES = 4096;
const TAIL_BYTES = 65536;
const TIMES = 300;
const WARM_UP = 2000;
const RAW = 'a raw insert into a table of its own';

/**
 * What an append and a read of the tail cost while a channel grows. `look` is called as it grows and measures whenever
 * the next size is reached; the appends it makes are a few hundred KiB, so they move no size.
 */
export function newGrowth(store, channel, raw, warm) {
  const chunk = sample(APPEND_BYTES);
  const lines = lineCount(chunk);
  const waiting = [...SIZES_MIB];
  const points = { append: [], appendP99: [], raw: [], rawP99: [], tail: [], tailP99: [] };
  const append = () => channel.append(chunk, lines);
  const tail = () => store.channels.read(channel.id, channel.bytes - TAIL_BYTES, TAIL_BYTES);

  const measure = (size) => {
    const appended = timed(TIMES, append);
    const inserted = timed(TIMES, () => raw.append(chunk));
    const read = timed(TIMES, tail);
    points.append.push([size, median(appended)]);
    points.appendP99.push([size, percentile(appended, 99)]);
    points.raw.push([size, median(inserted)]);
    points.rawP99.push([size, percentile(inserted, 99)]);
    points.tail.push([size, median(read)]);
    points.tailP99.push([size, percentile(read, 99)]);
  };

  timed(WARM_UP, () => warm.append(chunk, lines));
  timed(WARM_UP, () => store.channels.read(warm.id, warm.bytes - TAIL_BYTES, TAIL_BYTES));
  timed(WARM_UP, () => raw.append(chunk));

  return {
    look() {
      const next = waiting[0];
      if (next === undefined || channel.bytes < next * MIB) return;
      waiting.shift();
      measure(next);
    },
    series: () => ({
      append: chart('a 4 KiB append, committed, against the size of its channel', {
        'median, us': { 'an append to the channel': points.append, [RAW]: points.raw },
        'p99, us': { 'an append to the channel': points.appendP99, [RAW]: points.rawP99 },
      }),
      tail: chart('reading the last 64 KiB, against the size of the channel', {
        'median, us': { 'a read of the tail': points.tail },
        'p99, us': { 'a read of the tail': points.tailP99 },
      }),
    }),
  };
}

/** A panel for each statistic, because a p99 on the same axis would press the medians flat. */
function chart(title, panels) {
  return {
    title,
    x: { label: 'size of the channel, MiB', log: true },
    panels: Object.entries(panels).map(([label, lines]) => ({
      label,
      lines: Object.entries(lines).map(([name, points]) => ({ name, points: points.map(([x, y]) => [x, Number(y.toPrecision(4))]) })),
    })),
  };
}
