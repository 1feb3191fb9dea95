import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';

/** The files below a folder of `root` whose names match, with their paths from `root` and their texts; none where there is no such folder. */
export function filesUnder(root, folder, ending) {
  let names;
  try {
    names = readdirSync(join(root, folder), { recursive: true });
  } catch {
    return [];
  }
  return names
    .map((name) => join(root, folder, name))
    .filter((file) => ending.test(file) && statSync(file).isFile())
    .map((file) => ({ name: relative(root, file), text: readFileSync(file, 'utf8') }));
}
