import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** Stops the server of a data folder that a client has started, and waits until it is gone; nothing where there is none. */
export async function endServer(data: string): Promise<void> {
  const record = await readFile(join(data, 'server.json'), 'utf8').catch(() => undefined);
  if (record === undefined) return;
  const { pid } = JSON.parse(record) as { pid: number };
  try {
    for (process.kill(pid, 'SIGTERM'); ; await delay(20)) {
      process.kill(pid, 0);
      const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
      // Nobody waits for a child of a test's process that was let go of.
      if (stat.includes(') Z ')) return;
    }
  } catch {
    // Gone.
  }
}
