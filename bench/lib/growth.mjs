import { median, percentile, timed } from './stats.mjs';
import { lineCount, sample } from './store.mjs';

const MIB = 1024 * 1024;
/** Where the cost is looked at; each is four times the one before. */
const SIZES_MIB = [1, 4, 16, 64, 256, 1024];
const APPEND_BYTES = 4096;
const TAIL_BYTES = 65536;
const TIMES = 300;
const WARM_UP = 100;

/**
 * What an append and a read of the tail cost while a channel grows. `look` is called as it grows and measures whenever
 * the next size is reached; the appends it makes are a few hundred KiB, so they move no size.
 */
export function newGrowth(store, channel, raw) {
  const chunk = sample(APPEND_BYTES);
  const lines = lineCount(chunk);
  const waiting = [...SIZES_MIB];
  const points = { append: [], appendP99: [], raw: [], tail: [], tailP99: [] };
  const append = () => channel.append(chunk, lines);
  const tail = () => store.channels.read(channel.id, channel.bytes - TAIL_BYTES, TAIL_BYTES);

  const measure = (size) => {
    if (size === SIZES_MIB[0]) {
      timed(WARM_UP, append);
      timed(WARM_UP, tail);
      timed(WARM_UP, () => raw.append(chunk));
    }
    const appended = timed(TIMES, append);
    const inserted = timed(TIMES, () => raw.append(chunk));
    const read = timed(TIMES, tail);
    points.append.push([size, median(appended)]);
    points.appendP99.push([size, percentile(appended, 99)]);
    points.raw.push([size, median(inserted)]);
    points.tail.push([size, median(read)]);
    points.tailP99.push([size, percentile(read, 99)]);
  };

  return {
    look() {
      const next = waiting[0];
      if (next === undefined || channel.bytes < next * MIB) return;
      waiting.shift();
      measure(next);
    },
    series: () => ({
      append: chart('a 4 KiB append, committed, against the size of its channel', [
        { name: 'median', points: points.append },
        { name: 'p99', points: points.appendP99 },
        { name: 'a raw insert into a table that does not grow with it, median', points: points.raw },
      ]),
      tail: chart('the last 64 KiB, against the size of the channel', [
        { name: 'median', points: points.tail },
        { name: 'p99', points: points.tailP99 },
      ]),
    }),
  };
}

function chart(title, lines) {
  const rounded = lines.map(({ name, points }) => ({ name, points: points.map(([x, y]) => [x, Number(y.toPrecision(4))]) }));
  return { title, x: { label: 'channel, MiB', log: true }, panels: [{ label: 'time, us', lines: rounded }] };
}
