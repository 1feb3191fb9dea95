import { realpathSync } from 'node:fs';

/** A path with symbolic links resolved; undefined for one that leads to nothing or cannot be followed, such as a loop of links. */
export function realPath(path: string): string | undefined {
  try {
    // The system's own: Node's looks at each folder of the path by itself.
    return realpathSync.native(path);
  } catch {
    return undefined;
  }
}

/** A path with symbolic links resolved; as given if it leads to nothing or cannot be followed. */
export function resolveLinks(path: string): string {
  return realPath(path) ?? path;
}
