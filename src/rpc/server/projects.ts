import { statSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { basename, isAbsolute } from 'node:path';
import { HeadgateError } from '../../core/errors.ts';
import { realPath } from '../../core/real-path.ts';
import type { ProjectStore } from '../../model/ports/store.ts';
import type { Project } from '../../model/records.ts';
import type { Sight } from '../../model/sight.ts';
import { allows, type Grant } from './access.ts';

/** Longest name of a project (SPEC {#session}). */
const NAME_CHARS = 128;
/** Names the root folder of a request's project, as `init` would. */
const PROJECT_HEADER = 'headgate-project';

interface Place {
  readonly name: string;
  readonly root: string;
  readonly configPath: string | null;
}

/** The projects that the holder of a token may know of and work in: all, or those that the token is bound to (SPEC {#token_bounds}). */
export class Projects {
  readonly #store: ProjectStore;
  readonly #grant: Pick<Grant, 'scope' | 'projects' | 'ownRuns'>;

  constructor(store: ProjectStore, grant: Pick<Grant, 'scope' | 'projects' | 'ownRuns'>) {
    this.#store = store;
    this.#grant = grant;
  }

  /** The runs of a project that the holder knows of; those that it makes are among them (SPEC {#own_runs}). */
  sight({ id }: Pick<Project, 'id'>): Sight {
    return { projectId: id, madeWith: this.#grant.ownRuns ?? null };
  }

  /** In order of creation. */
  list(): Project[] {
    return this.#store.list().filter((project) => this.#isReachable(project));
  }

  /** Those that have a run of this alias that the token may know of, in order of creation. */
  withRun(alias: string): Project[] {
    return this.#store.withRun(alias, this.#grant.ownRuns ?? null).filter((project) => this.#isReachable(project));
  }

  /**
   * The project of that name and root, made when it is not there yet (SPEC {#project_names}). One whose folder is gone goes on with this one, with
   * its runs and rules, where the token may run commands and is not bound. Throws `invalid_params` for a root that is no folder, `forbidden`
   * for a project beyond the token's bounds.
   */
  open(place: Place): Project {
    const folder = requireFolder(place.root);
    const known = this.#store.list();
    const name = nameOf(known, place.name, folder, this.#mayMove);
    this.#requireBound(known, name, place.root);
    return this.#store.open({ ...place, name });
  }

  /** The project of a root folder, called by the folder's name and with symbolic links resolved. Throws as `open` does. */
  at(given: string): Project {
    const root = requireFolder(given);
    return this.open({ name: (basename(root) || 'root').slice(0, NAME_CHARS), root, configPath: null });
  }

  /**
   * The project that the header `Headgate-Project: ROOT` names: the root's own, called by the folder's name and with
   * symbolic links resolved, as the command line has it. Undefined without the header. Throws as `open` does.
   */
  ofRequest(request: IncomingMessage): Project | undefined {
    const root = rootOf(request);
    return root === undefined ? undefined : this.at(root);
  }

  /** What a project moves with is others' runs too: a bound token moves none. */
  get #mayMove(): boolean {
    const { scope, projects, ownRuns } = this.#grant;
    return projects === undefined && ownRuns === undefined && allows(scope, 'run');
  }

  #isReachable({ name }: Project): boolean {
    return this.#grant.projects?.includes(name) ?? true;
  }

  /** A bound token makes no project: it could choose any folder of the machine for it. */
  #requireBound(known: readonly Project[], name: string, root: string): void {
    const { projects } = this.#grant;
    if (projects === undefined || (projects.includes(name) && known.some((project) => project.name === name))) return;
    const places = known.filter((project) => this.#isReachable(project)).map((project) => `${project.name} in ${project.root}`);
    throw new HeadgateError(
      'forbidden',
      `the token is bound to ${places.join(', ') || `the projects ${projects.join(', ')}, which are gone`}, and does not reach ${root.slice(0, 80)}; name one of those folders`,
    );
  }
}

/**
 * The folder that the header `Headgate-Project: ROOT` names, with symbolic links resolved; undefined without the header. Throws
 * `invalid_params` for a root that is no folder.
 */
export function rootOf(request: IncomingMessage): string | undefined {
  const header = request.headers[PROJECT_HEADER];
  if (header === undefined) return undefined;
  // Node reads headers as Latin-1; what is sent is UTF-8.
  return requireFolder(Buffer.from(String(header), 'latin1').toString('utf8'));
}

/** NAME, or NAME-2 and so on while another folder that is still there has that name: what runs in a folder never moves to another. */
function nameOf(known: readonly Project[], name: string, folder: string, mayMove: boolean): string {
  const roots = new Map(known.map((project) => [project.name, project.root]));
  let free: string | undefined;
  for (let count = 1; ; count++) {
    const ending = count === 1 ? '' : `-${count}`;
    const candidate = name.slice(0, NAME_CHARS - ending.length) + ending;
    const at = roots.get(candidate);
    if (at === undefined) return free ?? candidate;
    const there = realPath(at);
    if (there === folder) return candidate;
    if (there === undefined && mayMove) free ??= candidate;
  }
}

/** The folder with symbolic links resolved. A path that cannot be looked at is not a folder: a loop of links, a name that no file can have, one that has gone. */
function requireFolder(root: string): string {
  if (!isAbsolute(root)) {
    throw new HeadgateError('invalid_params', `projectRoot "${root.slice(0, 80)}" is not absolute; give the whole path from /`, {
      field: 'projectRoot',
    });
  }
  const folder = realPath(root);
  if (folder !== undefined && statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return folder;
  throw new HeadgateError('invalid_params', `projectRoot "${root.slice(0, 80)}" is no folder on the server's machine`, {
    field: 'projectRoot',
  });
}
