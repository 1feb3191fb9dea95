import { fileURLToPath } from 'node:url';

const REAPER = fileURLToPath(new URL('reaper.pl', import.meta.url));

/** The words to run a program as a tree whose use can be counted whole; `report` is the file that gets the counts at its end. */
export function metered(words, report = '/dev/null') {
  return ['perl', REAPER, report, ...words];
}

/** Bytes that the kernel wrote to storage, or is going to, for a process and the children that it has waited for. */
export function writtenBytes(io) {
  return Number(/^write_bytes: (\d+)$/m.exec(io)[1]);
}
