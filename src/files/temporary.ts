import { lstatSync, opendirSync, unlinkSync } from 'node:fs';
import { HeadgateError, systemCode } from '../core/errors.ts';
import { sha256 } from './content.ts';
import { type Bounds, type FilePlace, openPlace } from './place.ts';

/** Younger ones may be those of another server that writes at this moment. */
const STALE_MS = 600_000;
/** Names that are looked at: a change must not take longer because its folder is huge. */
const MAX_LOOKED_AT = 5000;
const NAME = /^\.headgate-[0-9a-f]{16}\.tmp$/;

/** Path of the temporary file for a change of `path`; always the same, so what a crash has left there is found again. */
export function temporaryOf(place: FilePlace, path: string): string {
  return place.beside(`.headgate-${sha256(path).slice(0, 16)}.tmp`);
}

/** Takes away what an earlier attempt at changing `path` has left, if anything. */
export function dropTemporary(bounds: Bounds, path: string): void {
  try {
    const place = openPlace(bounds, path);
    try {
      dropIfThere(temporaryOf(place, path));
    } finally {
      place.close();
    }
  } catch (error) {
    // No folder, or one that may not be used any more: what the change itself came to is what counts.
    if (!(error instanceof HeadgateError) && systemCode(error) === undefined) throw error;
  }
}

/** Takes away old temporary files of a folder: a crash during a write leaves them, and only this function removes them. */
export function dropStale(place: FilePlace): void {
  try {
    const folder = opendirSync(place.folder);
    try {
      let left = MAX_LOOKED_AT;
      for (let found = folder.readSync(); found && left-- > 0; found = folder.readSync()) {
        if (!NAME.test(found.name)) continue;
        const at = place.beside(found.name);
        const stats = lstatSync(at, { throwIfNoEntry: false });
        if (stats?.isFile() && Date.now() - stats.mtimeMs > STALE_MS) dropIfThere(at);
      }
    } finally {
      folder.closeSync();
    }
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
  }
}

/** Removes a file, if it exists. */
export function dropIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
}
