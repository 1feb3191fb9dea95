import type { Readable } from 'node:stream';

const BLOCK = 512;
/** Largest extended header that is looked at, in bytes. */
const MAX_EXTENDED = 64 * 1024;

/** A tar archive of one empty folder (POSIX ustar). */
export function folderTar(name: string, mode: number): Buffer {
  const header = Buffer.alloc(BLOCK);
  header.write(`${name}/`, 0, 100);
  header.write(octal(mode, 7), 100);
  for (const at of [108, 116]) header.write(octal(0, 7), at);
  for (const at of [124, 136]) header.write(octal(0, 11), at);
  header.write('5', 156);
  header.write('ustar\x0000', 257);
  // The sum is taken with blanks in its own place.
  header.fill(' ', 148, 156);
  header.write(
    `${octal(
      header.reduce((sum, byte) => sum + byte, 0),
      6,
    )}\0 `,
    148,
  );
  return Buffer.concat([header, Buffer.alloc(2 * BLOCK)]);
}

/** The bytes of the first file in a tar archive, as they come; nothing for an archive without one. Throws when it is cut off. */
export async function* firstFile(archive: Readable): AsyncGenerator<Buffer, void> {
  let held: Buffer = Buffer.alloc(0);
  let left: number | undefined;
  let extendedSize: number | undefined;
  for await (const chunk of archive as AsyncIterable<Buffer>) {
    if (left === undefined) {
      held = Buffer.concat([held, chunk]);
      while (left === undefined && held.length >= BLOCK) {
        const type = String.fromCharCode(held[156] ?? 0);
        const size = sizeIn(held);
        if (type !== 'x' && type !== 'L' && type !== 'g') {
          if (type !== '0' && type !== '\0') return;
          left = extendedSize ?? size;
          held = held.subarray(BLOCK);
        } else {
          const whole = BLOCK + Math.ceil(size / BLOCK) * BLOCK;
          if (size > MAX_EXTENDED) throw new Error('an archive of the engine has a header that is too long');
          if (held.length < whole) break;
          if (type === 'x') extendedSize = extendedSizeIn(held.subarray(BLOCK, BLOCK + size)) ?? extendedSize;
          held = held.subarray(whole);
        }
      }
      if (left === undefined) continue;
    } else {
      held = chunk;
    }
    const bytes = held.subarray(0, left);
    left -= bytes.length;
    held = Buffer.alloc(0);
    if (bytes.length > 0) yield bytes;
    if (left === 0) return;
  }
  if (left !== 0) throw new Error('an archive of the engine was cut off');
}

function sizeIn(header: Buffer): number {
  // Beyond 8 GiB: binary, with the highest bit set.
  if (((header[124] ?? 0) & 0x80) !== 0) return Number(header.readBigUInt64BE(128));
  return Number.parseInt(header.toString('latin1', 124, 136).replace(/[\0 ]+$/, ''), 8) || 0;
}

function extendedSizeIn(records: Buffer): number | undefined {
  const match = /(?:^|\n)\d+ size=(\d+)\n/.exec(records.toString());
  return match ? Number(match[1]) : undefined;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0');
}
