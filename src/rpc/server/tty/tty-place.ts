import type { IncomingMessage } from 'node:http';
import { HeadgateError } from '../../../core/errors.ts';
import type { Project } from '../../../model/records.ts';
import { checkQuery, PROJECT_PARAMS } from '../event-source/request.ts';
import { queryOf } from '../http/http-answer.ts';
import type { Projects } from '../projects.ts';

/** What a session's first message says of its project; `run` when it names one. */
export interface ProjectHint {
  readonly project?: string | undefined;
  readonly projectRoot?: string | undefined;
  readonly run?: string | undefined;
}

/**
 * The project of a session (SPEC {#tty_open}): the one that the message, the query or a header names; else the one that
 * has the run; else the only one there is; else the folder in which the server was started. Throws `invalid_params`,
 * `not_found`, `forbidden`, and `conflict` where several have the run.
 */
export function ttyProject(projects: Projects, request: IncomingMessage, hint: ProjectHint): Project {
  const query = queryOf(request);
  checkQuery(query, PROJECT_PARAMS);
  const name = hint.project ?? query.get('project') ?? undefined;
  const root = hint.projectRoot ?? query.get('projectRoot') ?? undefined;
  if (root !== undefined) return name === undefined ? ofRoot(projects, root) : projects.open({ name, root, configPath: null });
  if (name !== undefined) return named(projects, name);
  return projects.ofRequest(request) ?? ofRun(projects, hint.run) ?? only(projects) ?? projects.at(process.cwd());
}

/** The project that has this root already, whatever it is called. */
function ofRoot(projects: Projects, root: string): Project {
  const known = projects.list().filter((project) => project.root === root);
  return known.length === 1 && known[0] ? known[0] : projects.at(root);
}

function named(projects: Projects, name: string): Project {
  const project = projects.list().find((one) => one.name === name);
  if (project) return project;
  const message = `there is no project ${name.slice(0, 80)} yet; give projectRoot as well, and it is opened`;
  throw new HeadgateError('not_found', message, { field: 'project' });
}

function ofRun(projects: Projects, run: string | undefined): Project | undefined {
  if (run === undefined) return undefined;
  const known = projects.withRun(run);
  if (known.length < 2) return known[0];
  throw new HeadgateError('conflict', `${known.length} projects have a run ${run}; say which with projectRoot or project`, {
    run,
    projects: known.slice(0, 20).map((one) => one.name),
  });
}

function only(projects: Projects): Project | undefined {
  const known = projects.list();
  return known.length === 1 ? known[0] : undefined;
}
