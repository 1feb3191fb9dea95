import type { FileListing, FileReader } from '../../hooks/views.ts';
import { shownName } from '../../model/shown-name.ts';
import type { LineSource } from './source.ts';

const HEAD_BYTES = 16;

/** A file as lines; close its reader when they have been read. */
export function fileSource(reader: FileReader): LineSource {
  const { path, bytes, total } = reader;
  return { path, bytes, total, offsetOf: (line) => reader.offsetOf(line), read: (from, maxBytes) => reader.read(from, maxBytes) };
}

/** What is said of a file that is no text. */
export function describeBinary(reader: FileReader): string {
  const head = reader.read(0, HEAD_BYTES).toString('hex').replace(/../g, '$& ').trim();
  return `[${reader.path} is no text in UTF-8: ${reader.bytes} bytes that begin ${head}; use a command that knows its format]`;
}

/** A listing, one name a line, under it what was left out and why. */
export function listingText(path: string, listing: FileListing): string {
  const lines = listing.entries.map(({ path: given, bytes, kind }) => {
    const path = shownName(given);
    return kind === 'folder' ? `${path}/` : kind === 'link' ? `${path} (a link)` : `${path} ${bytes} bytes`;
  });
  const left = [
    listing.more > 0 ? `${listing.more} more; ask for a folder of it or a narrower glob` : '',
    listing.gitIgnored > 0
      ? `${listing.gitIgnored} ${listing.gitIgnored === 1 ? 'name' : 'names'} left out by .gitignore, which can be read by name`
      : '',
    listing.kept > 0 ? `${listing.kept} kept from you by the project` : '',
    listing.whole ? '' : 'the search ended at its limit of names; ask for a folder of it',
  ].filter((part) => part !== '');
  return [lines.length === 0 ? `Nothing at ${path}.` : lines.join('\n'), ...(left.length > 0 ? [`[${left.join('; ')}]`] : [])].join('\n');
}
