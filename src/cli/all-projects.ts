import { messageOf } from '../core/errors.ts';
import type { Runtime } from '../rpc/client/index.ts';
import type { Console } from './console.ts';
import { exitCodeOf } from './errors.ts';
import { EXIT } from './exit-codes.ts';
import { type ListOptions, withSession } from './listing.ts';

/** Options of a listing of one project, or of all that the server has. */
export interface ProjectsOptions extends ListOptions {
  readonly allProjects?: boolean;
}

/**
 * The rows of this project, or with `--all-projects` those of every project, each with the name of its project. One whose folder is gone is
 * left out, and named on standard error.
 */
export async function rowsOf<R extends object>(
  console: Console,
  options: ProjectsOptions,
  read: (session: Runtime) => Promise<readonly R[]>,
): Promise<readonly (R & { readonly project?: string })[]> {
  if (!options.allProjects) return await withSession(console, options, read);
  const projects = await withSession(console, options, (session) => session.look('getProjects', {}), { project: false });
  const all: (R & { project: string })[] = [];
  for (const { name, projectRoot } of projects) {
    try {
      const rows = await withSession(console, options, read, { project: { name, root: projectRoot } });
      all.push(...rows.map((row) => ({ project: name, ...row })));
    } catch (error) {
      if (exitCodeOf(error) === EXIT.unreachable) throw error;
      await console.err.write(`headgate: ${name} is left out: ${messageOf(error)}\n`);
    }
  }
  return all;
}
