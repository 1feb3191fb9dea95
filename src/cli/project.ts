import { existsSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { resolveLinks } from '../core/real-path.ts';
import { type ProjectRef, projectOf as projectAt } from '../rpc/node/index.ts';

/** What makes a folder the root of a project. */
const MARKS = ['.headgate', '.git'] as const;

/**
 * The project of a command: the folder that `--project` names, else the nearest one from the working directory upwards that has
 * `.headgate` or `.git`, else the working directory (SPEC {#cli_server}).
 */
export function projectOf(option: string | undefined): ProjectRef {
  return projectAt(option ?? rootAbove(process.cwd()));
}

/** The working directory as a folder of the project, for what is run there; undefined in its root, outside of it, and with `--project`. */
export function folderIn(option: string | undefined): string | undefined {
  if (option !== undefined) return undefined;
  const way = relative(projectOf(undefined).root, resolveLinks(process.cwd()));
  return way === '' || way === '..' || way.startsWith('../') ? undefined : way;
}

function rootAbove(folder: string): string {
  for (let at = folder; ; at = dirname(at)) {
    if (MARKS.some((mark) => existsSync(join(at, mark)))) return at;
    if (at === dirname(at)) return folder;
  }
}
