import { fileURLToPath } from 'node:url';

const REAPER = fileURLToPath(new URL('reaper.pl', import.meta.url));

/** The words to run a program as a tree whose use can be counted whole; the file `report` gets `/proc/PID/io` of all of it at its end. */
export function metered(words, report) {
  return ['perl', REAPER, report, ...words];
}
