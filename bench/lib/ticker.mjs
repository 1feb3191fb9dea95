// Prints the monotonic clock, one line every `interval` ms, `count` times: the moment before each write.
import { writeSync } from 'node:fs';

const [interval, count] = process.argv.slice(2).map(Number);
let printed = 0;
const timer = setInterval(() => {
  writeSync(1, `${process.hrtime.bigint()}\n`);
  if (++printed === count) clearInterval(timer);
}, interval);
