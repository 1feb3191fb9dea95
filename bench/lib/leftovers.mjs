import { readdirSync, readFileSync } from 'node:fs';

/**
 * Kills what a server's commands have left running: they outlive their server by design, so a benchmark that was
 * interrupted has to end them itself. Whatever carries the server's spool folder in its environment or arguments is one.
 *
 * @param data - the server's data folder; made for this run, so nobody else's process can name it
 */
export function killCommandsOf(data) {
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    if (!names(pid, 'environ', data) && !names(pid, 'cmdline', data)) continue;
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It has ended meanwhile.
    }
  }
}

function names(pid, file, text) {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1').includes(text);
  } catch {
    return false; // It has ended, or is another user's.
  }
}
