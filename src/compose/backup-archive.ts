import { createHash, type Hash } from 'node:crypto';
import { createReadStream, createWriteStream, statSync } from 'node:fs';
import { type Readable, Transform } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { extract, type Pack, pack } from 'tar-stream';
import { HeadgateError, isHeadgateError, messageOf } from '../core/errors.ts';

/** The first file of an archive: what it is. */
const FACTS = 'headgate-backup.json';
/** The last one: the sums of those before it, as sha256sum(1) checks them. */
const SUMS = 'SHA256SUMS';
const FORMAT = 1;
const FILE_MODE = 0o600;

/** What an archive says about itself. */
export interface BackupFacts {
  /** Version of the program that made it. */
  readonly version: string;
  /** The data folder that it was made of. */
  readonly of: string;
  /** When it was, RFC 3339. */
  readonly at: string;
}

/** A file for an archive. */
export interface ArchivedFile {
  readonly name: string;
  readonly path: string;
  /** The first bytes of it that belong there; all of them when left out. */
  readonly bytes?: number;
}

/** Writes files as a tar archive to `to`, a new file of mode 0600 that is on the disk at the end. Throws the system error. */
export async function writeArchive(o: {
  to: string;
  facts: BackupFacts;
  files: readonly ArchivedFile[];
  signal: AbortSignal;
}): Promise<void> {
  const archive = pack();
  const written = pipeline(archive, createWriteStream(o.to, { flags: 'wx', mode: FILE_MODE, flush: true }), { signal: o.signal });
  const filled = fill(archive, o).catch((error: unknown) => archive.destroy(error instanceof Error ? error : new Error(messageOf(error))));
  await Promise.all([written, filled]);
}

async function fill(archive: Pack, o: Parameters<typeof writeArchive>[0]): Promise<void> {
  const mtime = new Date(o.facts.at);
  const small = (name: string, body: string) => archive.entry({ name, mode: FILE_MODE, mtime }, body);
  const facts = `${JSON.stringify({ format: FORMAT, ...o.facts })}\n`;
  small(FACTS, facts);
  const sums = [sumLine(createHash('sha256').update(facts), FACTS)];
  for (const { name, path, bytes } of o.files) {
    const entry = archive.entry({ name, mode: FILE_MODE, mtime, size: bytes ?? statSync(path).size });
    const hash = createHash('sha256');
    const end = bytes === undefined ? {} : { end: bytes - 1 };
    await pipeline(createReadStream(path, { highWaterMark: 1 << 20, ...end }), hashing(hash), entry, { signal: o.signal });
    sums.push(sumLine(hash, name));
  }
  small(SUMS, sums.join(''));
  archive.finalize();
}

/**
 * Gives each file of an archive to `take`, which has to read it, and checks all of them at the end. Throws `conflict` for an archive that is cut
 * off, damaged or not of Headgate, before `take` was called in the last case.
 */
export async function readArchive(o: {
  file: string;
  take: (name: string, body: Readable) => Promise<void>;
  signal: AbortSignal;
}): Promise<BackupFacts> {
  const foreign = () => new HeadgateError('conflict', `${o.file} is not a backup of Headgate`, { file: o.file });
  const broken = (why: string) =>
    new HeadgateError('conflict', `the backup ${o.file} is not whole: ${why}; take another one`, { file: o.file });
  const sums: string[] = [];
  let facts: BackupFacts | undefined;
  let listed: string | undefined;
  const entries = extract();
  const source = createReadStream(o.file, { highWaterMark: 1 << 20, signal: o.signal });
  source.once('error', (error) => entries.destroy(error));
  source.pipe(entries);
  try {
    for await (const entry of entries) {
      const { name, type } = entry.header;
      if (listed !== undefined) throw broken(`${name} stands behind its end`);
      if (type !== 'file') throw facts ? broken(`${name} is not a file`) : foreign();
      const hash = createHash('sha256');
      const body = (entry as unknown as Readable).pipe(hashing(hash));
      entry.once('error', (error: Error) => body.destroy(error));
      if (name === SUMS) {
        listed = await text(body);
        continue;
      }
      if (!facts) {
        if (name !== FACTS) throw foreign();
        facts = factsOf(await text(body), o.file);
        if (!facts) throw foreign();
      } else await o.take(name, body);
      sums.push(sumLine(hash, name));
    }
  } catch (error) {
    if (isHeadgateError(error) || 'code' in Object(error) || o.signal.aborted) throw error;
    throw facts ? broken(messageOf(error)) : foreign();
  } finally {
    source.destroy();
  }
  if (!facts) throw foreign();
  if (listed === undefined) throw broken('its end is missing');
  if (listed !== sums.join('')) throw broken(`its files are not those that ${SUMS} lists`);
  return facts;
}

function factsOf(body: string, file: string): BackupFacts | undefined {
  let value: Record<string, unknown>;
  try {
    value = { ...(JSON.parse(body) as object) };
  } catch {
    return undefined;
  }
  const { format, version, of, at } = value;
  if (typeof version !== 'string' || typeof of !== 'string' || typeof at !== 'string') return undefined;
  if (format === FORMAT) return { version, of, at };
  throw new HeadgateError(
    'conflict',
    `${file} was made by Headgate ${version}, in a form that this version does not know: install that one`,
    {
      file,
      version,
    },
  );
}

function sumLine(hash: Hash, name: string): string {
  return `${hash.digest('hex')}  ${name}\n`;
}

/** Passes bytes on, and has them counted in `hash`. */
function hashing(hash: Hash): Transform {
  return new Transform({
    transform(chunk: Buffer, _, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
}
