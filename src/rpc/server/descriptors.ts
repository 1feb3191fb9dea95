import { readFileSync } from 'node:fs';

/** Of a server's file descriptors so many in a hundred are for connections: the rest is for commands, their output and the database. */
const PERCENT = 50;

/**
 * Connections that a server may have open on one listener, so that a command which was accepted can always be started (SPEC {#caller_limits}).
 * Undefined where the system does not say how many descriptors there are.
 */
export function connectionRoom(): number | undefined {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? [];
    return soft === undefined ? undefined : Math.max(8, Math.floor((Number(soft) * PERCENT) / 100));
  } catch {
    return undefined;
  }
}
