import { realpathSync, statSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { basename, isAbsolute } from 'node:path';
import { HeadgateError } from '../../core/errors.ts';
import type { Project } from '../../model/records.ts';
import type { ServerParts } from './parts.ts';

/** Longest name of a project (SPEC {#session}). */
const NAME_CHARS = 128;

/**
 * The project of that name and root, made when it is not there yet (SPEC {#project_names}). `mayMove`: one whose folder is gone goes on with
 * this one, with its runs and rules. Throws `invalid_params` for a root that is no folder.
 */
export function openProject({ projects }: Pick<ServerParts['store'], 'projects'>, place: Place, mayMove: boolean): Project {
  requireFolder(place.root);
  return projects.open({ ...place, name: nameOf(projects.list(), place, mayMove) });
}

interface Place {
  readonly name: string;
  readonly root: string;
  readonly configPath: string | null;
}

/** NAME, or NAME-2 and so on while another folder that is still there has that name: what runs in a folder never moves to another. */
function nameOf(known: readonly Project[], { name, root }: Place, mayMove: boolean): string {
  const roots = new Map(known.map((project) => [project.name, project.root]));
  const folder = realpathSync(root);
  let free: string | undefined;
  for (let count = 1; ; count++) {
    const ending = count === 1 ? '' : `-${count}`;
    const candidate = name.slice(0, NAME_CHARS - ending.length) + ending;
    const at = roots.get(candidate);
    if (at === undefined) return free ?? candidate;
    const there = folderAt(at);
    if (there === folder) return candidate;
    if (there === undefined && mayMove) free ??= candidate;
  }
}

function folderAt(root: string): string | undefined {
  try {
    return realpathSync(root);
  } catch {
    return undefined;
  }
}

/** Names the root folder of a request's project, as `init` would. */
const PROJECT_HEADER = 'headgate-project';

/**
 * The project that the header `Headgate-Project: ROOT` names: the root's own, called by the folder's name and with
 * symbolic links resolved, as the command line has it. Undefined without the header. Throws `invalid_params`.
 */
export function projectOf(request: IncomingMessage, store: ServerParts['store'], mayMove: boolean): Project | undefined {
  const header = request.headers[PROJECT_HEADER];
  if (header === undefined) return undefined;
  // Node reads headers as Latin-1; what is sent is UTF-8.
  return projectAt(store, Buffer.from(String(header), 'latin1').toString('utf8'), mayMove);
}

/** The project of a root folder, called by the folder's name and with symbolic links resolved. Throws `invalid_params`. */
export function projectAt(store: Pick<ServerParts['store'], 'projects'>, given: string, mayMove: boolean): Project {
  requireFolder(given);
  const root = realpathSync(given);
  return openProject(store, { name: (basename(root) || 'root').slice(0, NAME_CHARS), root, configPath: null }, mayMove);
}

function requireFolder(root: string): void {
  if (!isAbsolute(root)) {
    throw new HeadgateError('invalid_params', `projectRoot "${root.slice(0, 80)}" is not absolute; give the whole path from /`, {
      field: 'projectRoot',
    });
  }
  if (!statSync(root, { throwIfNoEntry: false })?.isDirectory()) {
    throw new HeadgateError('invalid_params', `projectRoot "${root.slice(0, 80)}" is no folder on the server's machine`, {
      field: 'projectRoot',
    });
  }
}
