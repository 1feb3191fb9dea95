import { basename, resolve } from 'node:path';
import { resolveLinks } from '../../core/real-path.ts';

/** A project by the name and root folder that `init` takes; of a client the working directory unless it names another (SPEC {#cli_server}). */
export interface ProjectRef {
  readonly name: string;
  readonly root: string;
}

/** Name and absolute root of the project; symbolic links are resolved so that one folder is one project. */
export function projectOf(option: string | undefined): ProjectRef {
  // A server elsewhere may know a folder that this machine does not have; the server says so if it does not.
  const root = resolveLinks(resolve(option ?? '.'));
  return { root, name: (basename(root) || 'root').slice(0, 128) };
}
