import { realpathSync } from 'node:fs';
import { basename, resolve } from 'node:path';

/** A project by the name and root folder that `init` takes; of a client the working directory unless it names another (SPEC {#cli_server}). */
export interface ProjectRef {
  readonly name: string;
  readonly root: string;
}

/** Name and absolute root of the project; symbolic links are resolved so that one folder is one project. */
export function projectOf(option: string | undefined): ProjectRef {
  const given = resolve(option ?? '.');
  let root = given;
  try {
    root = realpathSync(given);
  } catch {
    // A server elsewhere may know a folder that this machine does not have; it is asked, and says so if not.
  }
  return { root, name: (basename(root) || 'root').slice(0, 128) };
}
