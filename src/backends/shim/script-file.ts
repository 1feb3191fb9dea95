import { mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The path of a script in the spool, written when it is not there: whole or not at all, since another server may be running
 * it at this moment. Its name changes with its text.
 */
export function scriptIn(spool: string, name: string, text: string): string {
  const script = join(spool, name);
  if (statSync(script, { throwIfNoEntry: false })?.size === Buffer.byteLength(text)) return script;
  mkdirSync(spool, { recursive: true, mode: 0o700 });
  const unfinished = `${script}.${process.pid}`;
  try {
    writeFileSync(unfinished, text, { mode: 0o600 });
    renameSync(unfinished, script);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw error;
  }
  return script;
}
