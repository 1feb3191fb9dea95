import { realpathSync, statSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { basename, isAbsolute } from 'node:path';
import { HeadgateError } from '../../core/errors.ts';
import type { Project } from '../../model/records.ts';
import type { ServerParts } from './parts.ts';

/** The project of that name and root, made when it is not there yet. Throws `invalid_params` for a root that is no folder. */
export function openProject(store: ServerParts['store'], place: { name: string; root: string; configPath: string | null }): Project {
  requireFolder(place.root);
  return store.projects.open(place);
}

/** Names the root folder of a request's project, as `init` would. */
const PROJECT_HEADER = 'headgate-project';

/**
 * The project that the header `Headgate-Project: ROOT` names: the root's own, called by the folder's name and with
 * symbolic links resolved, as the command line has it. Undefined without the header. Throws `invalid_params`.
 */
export function projectOf(request: IncomingMessage, store: ServerParts['store']): Project | undefined {
  const header = request.headers[PROJECT_HEADER];
  if (header === undefined) return undefined;
  // Node reads headers as Latin-1; what is sent is UTF-8.
  return projectAt(store, Buffer.from(String(header), 'latin1').toString('utf8'));
}

/** The project of a root folder, called by the folder's name and with symbolic links resolved. Throws `invalid_params`. */
export function projectAt(store: Pick<ServerParts['store'], 'projects'>, given: string): Project {
  requireFolder(given);
  const root = realpathSync(given);
  return store.projects.open({ name: (basename(root) || 'root').slice(0, 128), root, configPath: null });
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
