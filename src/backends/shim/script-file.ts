import { createHash } from 'node:crypto';
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from '../../core/whole-file.ts';

/** The name of a script in the spool: another text has another name, so what runs keeps its own. */
export function scriptFile(kind: string, text: string): string {
  return `${kind}-${createHash('sha256').update(text).digest('hex').slice(0, 12)}.sh`;
}

/**
 * The path of a script in the spool, written when it is not there: whole or not at all, since another server may be running
 * it at this moment. Its name changes with its text.
 */
export function scriptIn(spool: string, name: string, text: string): string {
  const script = join(spool, name);
  if (statSync(script, { throwIfNoEntry: false })?.size === Buffer.byteLength(text)) return script;
  mkdirSync(spool, { recursive: true, mode: 0o700 });
  replaceFile(script, text);
  return script;
}
