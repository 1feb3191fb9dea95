import { HeadgateError } from '../../../core/errors.ts';
import { resolveLinks } from '../../../core/real-path.ts';
import type { Project, Run } from '../../../model/records.ts';
import type { ServerParts } from '../parts.ts';
import type { Projects } from '../projects.ts';

/** What a GET of an event stream asks for; `lastId` is the `Last-Event-ID` of a client that reconnects. */
export interface SourceRequest {
  readonly alias: string;
  /** Path of a log entry or channel; undefined for the events of the run. */
  readonly path: string | undefined;
  readonly query: URLSearchParams;
  /** Root folder that a header names; the query goes before it. */
  readonly root: string | undefined;
  readonly lastId: string | undefined;
}

/** Where the events of a project are. */
export const EVENTS_PATH = '/events';

/** The parts of `/runs/{alias}/events` and `/runs/{alias}/channels/{path}`; undefined for another path. Throws `invalid_params`. */
export function parseSource(urlPath: string): { alias: string; path: string | undefined } | undefined {
  const match = /^\/runs\/([^/]+)\/(?:(events)|channels\/(.+))$/.exec(urlPath);
  if (!match?.[1]) return undefined;
  return { alias: decoded(match[1]), path: match[3] === undefined ? undefined : decoded(match[3]) };
}

/** Refuses query parameters that there are not, and one that is given twice. Throws `invalid_params`. */
export function checkQuery(query: URLSearchParams, known: readonly string[]): void {
  for (const name of new Set(query.keys())) {
    if (!known.includes(name)) {
      throw new HeadgateError('invalid_params', `unknown parameter "${name.slice(0, 40)}"; there are ${known.join(', ')}`, {
        field: name.slice(0, 40),
      });
    }
    if (query.getAll(name).length > 1) throw new HeadgateError('invalid_params', `${name} is given twice; give it once`, { field: name });
  }
}

/** A whole number from 0 on. Throws `invalid_params` naming the field. */
export function wholeNumber(text: string, field: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new HeadgateError('invalid_params', `${field} "${text.slice(0, 40)}" is no whole number from 0 on`, { field });
}

/** The parameters that choose a project. */
export const PROJECT_PARAMS = ['project', 'projectRoot'] as const;

/**
 * The run of that alias in the one project that has it, or in the one that the query or a header names (SPEC {#transport_sse}).
 * Throws `not_found`, and `conflict` with the projects' names where several have it.
 */
export function findRun(
  { runs }: Pick<ServerParts['store'], 'runs'>,
  reachable: Projects,
  { alias, query, root: named }: Pick<SourceRequest, 'alias' | 'query' | 'root'>,
): { project: Project; run: Run } {
  const name = query.get('project');
  const root = query.get('projectRoot') ?? (name === null ? (named ?? null) : null);
  // `init` stores the root as it was given, which may be through a symbolic link.
  const isAt = (folder: string) => root === null || resolveLinks(folder) === resolveLinks(root);
  const projects = reachable.withRun(alias).filter((project) => (name === null || project.name === name) && isAt(project.root));
  const [project, second] = projects;
  if (second) {
    throw new HeadgateError(
      'conflict',
      `${projects.length} projects have a run ${alias}; say which with ?project=NAME or the header Headgate-Project: ROOT`,
      {
        run: alias,
        projects: projects.slice(0, 20).map((one) => one.name),
      },
    );
  }
  const run = project && runs.byAlias(reachable.sight(project), alias);
  if (run) return { project, run };
  const where = name ?? root;
  throw new HeadgateError(
    'not_found',
    `no run ${alias.slice(0, 80)} in ${where === null ? 'any project' : `project ${where.slice(0, 80)}`}; getRuns lists a project's runs`,
    { run: alias.slice(0, 80) },
  );
}

/** The project that the query or a header names, or the only one there is. Throws `not_found`, and `conflict` where there are several. */
export function findProject(reachable: Projects, query: URLSearchParams, named: string | undefined): Project {
  const name = query.get('project');
  const root = query.get('projectRoot') ?? (name === null ? (named ?? null) : null);
  const found = reachable
    .list()
    .filter((project) => (name === null || project.name === name) && (root === null || resolveLinks(project.root) === resolveLinks(root)));
  const [project, second] = found;
  if (second) {
    throw new HeadgateError(
      'conflict',
      `there are ${found.length} projects; say which with ?project=NAME or the header Headgate-Project: ROOT`,
      { projects: found.slice(0, 20).map((one) => one.name) },
    );
  }
  if (project) return project;
  throw new HeadgateError('not_found', 'there is no such project; init opens one, getProjects lists them', { field: 'project' });
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new HeadgateError('invalid_params', 'the path is not percent-encoded UTF-8; encode each part with encodeURIComponent', {
      field: 'path',
    });
  }
}
