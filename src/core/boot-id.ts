import { readFileSync } from 'node:fs';

let known: string | null | undefined;

/** Id of the present boot of this machine (random(4)); null on a system without one. Pids and start times of another boot mean nothing. */
export function bootId(): string | null {
  if (known === undefined) known = read();
  return known;
}

function read(): string | null {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim() || null;
  } catch {
    return null;
  }
}
