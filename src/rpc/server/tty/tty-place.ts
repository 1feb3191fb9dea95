import type { IncomingMessage } from 'node:http';
import { HeadgateError } from '../../../core/errors.ts';
import type { Project } from '../../../model/records.ts';
import { checkQuery, PROJECT_PARAMS } from '../event-source/request.ts';
import { queryOf } from '../http-answer.ts';
import { openProject, projectAt, projectOf } from '../open-project.ts';
import type { ServerParts } from '../parts.ts';

type Store = ServerParts['store'];

/** What a session's first message says of its project; `run` when it names one. */
export interface ProjectHint {
  readonly project?: string | undefined;
  readonly projectRoot?: string | undefined;
  readonly run?: string | undefined;
}

/**
 * The project of a session (SPEC {#tty_open}): the one that the message, the query or a header names; else the one that
 * has the run; else the only one there is; else the folder in which the server was started. Throws `invalid_params`,
 * `not_found`, and `conflict` where several have the run.
 */
export function ttyProject(store: Store, request: IncomingMessage, hint: ProjectHint): Project {
  const query = queryOf(request);
  checkQuery(query, PROJECT_PARAMS);
  const name = hint.project ?? query.get('project') ?? undefined;
  const root = hint.projectRoot ?? query.get('projectRoot') ?? undefined;
  if (root !== undefined) return name === undefined ? ofRoot(store, root) : openProject(store, { name, root, configPath: null }, true);
  if (name !== undefined) return named(store, name);
  return projectOf(request, store, true) ?? ofRun(store, hint.run) ?? only(store) ?? projectAt(store, process.cwd(), true);
}

/** The project that has this root already, whatever it is called. */
function ofRoot(store: Store, root: string): Project {
  const known = store.projects.list().filter((project) => project.root === root);
  return known.length === 1 && known[0] ? known[0] : projectAt(store, root, true);
}

function named(store: Store, name: string): Project {
  const project = store.projects.list().find((one) => one.name === name);
  if (project) return project;
  const message = `there is no project ${name.slice(0, 80)} yet; give projectRoot as well, and it is opened`;
  throw new HeadgateError('not_found', message, { field: 'project' });
}

function ofRun(store: Store, run: string | undefined): Project | undefined {
  if (run === undefined) return undefined;
  const projects = store.projects.withRun(run);
  if (projects.length < 2) return projects[0];
  throw new HeadgateError('conflict', `${projects.length} projects have a run ${run}; say which with projectRoot or project`, {
    run,
    projects: projects.slice(0, 20).map((one) => one.name),
  });
}

function only(store: Store): Project | undefined {
  const projects = store.projects.list();
  return projects.length === 1 ? projects[0] : undefined;
}
