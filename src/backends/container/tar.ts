import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { extract, pack } from 'tar-stream';

/** A tar archive of one empty folder. */
export async function folderTar(name: string, mode: number): Promise<Buffer> {
  const archive = pack();
  archive.entry({ name: `${name}/`, mode, type: 'directory' });
  archive.finalize();
  return await buffer(archive);
}

/** The bytes of the file that a tar archive begins with, as they come; nothing for an archive of anything else. Throws when it is cut off. */
export async function* firstFile(archive: Readable): AsyncGenerator<Buffer, void> {
  const entries = extract();
  archive.once('error', (error) => entries.destroy(error));
  archive.pipe(entries);
  for await (const entry of entries) {
    if (entry.header.type === 'file') yield* entry as AsyncIterable<Buffer>;
    return;
  }
}
