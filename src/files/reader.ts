import { closeSync, readSync } from 'node:fs';
import { countLines } from '../core/bytes.ts';
import { HeadgateError } from '../core/errors.ts';
import { slices } from '../core/slice-turns.ts';
import { incompleteTail } from '../core/utf8.ts';
import type { FileReader } from '../hooks/views.ts';
import { isText } from './content.ts';
import { filePath } from './file-path.ts';
import { type Bounds, openFile, openPlace } from './place.ts';

const PAGE_BYTES = 1024 * 1024;
const SAMPLE_BYTES = 64 * 1024;
/** Beyond it lines are not counted: a command that seeks is the tool for such a file. */
const MAX_BYTES = 2 * 1024 ** 3;

/**
 * Opens a file to read some of its lines; close it. Its line ends are counted page by page first, so a file of any size
 * takes little memory. Throws `not_found`, `forbidden`, `too_large`, `invalid_params` (SPEC {#files}).
 */
export async function openReader(bounds: Bounds, path: string, signal?: AbortSignal): Promise<FileReader> {
  const shown = filePath(path);
  const place = openPlace(bounds, path);
  let file: ReturnType<typeof openFile>;
  try {
    file = openFile(place.at, shown);
  } finally {
    place.close();
  }
  if (!file) throw new HeadgateError('not_found', `there is no ${shown}; list its folder to see what is there`, { path: shown });
  const { fd, stats } = file;
  try {
    if (stats.size > MAX_BYTES) {
      throw new HeadgateError('too_large', `${shown} has ${stats.size} bytes; read it with a command such as sed -n or tail`, {
        path: shown,
      });
    }
    const page = Buffer.allocUnsafe(Math.min(PAGE_BYTES, stats.size));
    const linesBefore = [0];
    let bytes = 0;
    let last = 10;
    while (bytes < stats.size) {
      const count = readSync(fd, page, 0, Math.min(page.length, stats.size - bytes), bytes);
      // It has been cut short meanwhile: what is there now is what is read.
      if (count === 0) break;
      bytes += count;
      last = page[count - 1] ?? 10;
      linesBefore.push((linesBefore.at(-1) ?? 0) + countLines(page.subarray(0, count)));
      signal?.throwIfAborted();
      if (count < PAGE_BYTES && bytes < stats.size) throw new HeadgateError('conflict', `${shown} changes while it is read; read it again`);
      await slices.next();
    }
    const lines = linesBefore.at(-1) ?? 0;
    const sample = at(fd, 0, Math.min(bytes, SAMPLE_BYTES));
    return {
      path: shown,
      bytes,
      lines,
      total: lines + (last === 10 ? 0 : 1),
      text: isText(sample.subarray(0, sample.length - (sample.length < bytes ? incompleteTail(sample) : 0))),
      mode: stats.mode & 0o7777,
      modifiedAt: Math.trunc(stats.mtimeMs),
      offsetOf: (line) => offsetOf(fd, linesBefore, bytes, line),
      read: (from, maxBytes) => at(fd, from, Math.min(maxBytes, PAGE_BYTES, Math.max(0, bytes - from))),
      close: () => closeSync(fd),
    };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function at(fd: number, from: number, count: number): Buffer {
  if (count <= 0) return Buffer.alloc(0);
  const bytes = Buffer.alloc(count);
  return bytes.subarray(0, readSync(fd, bytes, 0, count, from));
}

function offsetOf(fd: number, linesBefore: readonly number[], bytes: number, line: number): number {
  if (line <= 0) return 0;
  // The page in which line `line` begins: the last one with fewer line ends before it.
  let low = 0;
  let high = linesBefore.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((linesBefore[middle] ?? 0) < line) low = middle;
    else high = middle - 1;
  }
  let left = line - (linesBefore[low] ?? 0);
  const start = low * PAGE_BYTES;
  const page = at(fd, start, Math.min(PAGE_BYTES, bytes - start));
  for (let lf = page.indexOf(10); lf >= 0; lf = page.indexOf(10, lf + 1)) if (--left === 0) return start + lf + 1;
  return bytes;
}
