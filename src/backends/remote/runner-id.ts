import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemCode } from '../../core/errors.ts';
import { createFile } from '../../core/whole-file.ts';

/**
 * The id under which this server or runner keeps its producers on other hosts: made once, and kept in `file`, so that a
 * restart finds them again and another one does not take them for its own.
 */
export function runnerId(file: string): string {
  const known = read(file);
  if (known !== undefined) return known;
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  createFile(file, `${randomBytes(8).toString('hex')}\n`);
  return read(file) ?? runnerId(file);
}

function read(file: string): string | undefined {
  try {
    return /^([0-9a-f]{16})\n$/.exec(readFileSync(file, 'latin1'))?.[1];
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
