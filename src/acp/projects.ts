import { createHash } from 'node:crypto';
import { isAbsolute } from 'node:path';
import { badParams } from './errors.ts';
import type { Connect, Link } from './link.ts';

/** The projects that an editor works in: one connection each, shared by its sessions. */
export class Projects {
  readonly #connect: Connect;
  readonly #links = new Map<string, Promise<Link>>();

  constructor(connect: Connect) {
    this.#connect = connect;
  }

  /** The folders that were opened. */
  get folders(): string[] {
    return [...this.#links.keys()];
  }

  /** The connection of a folder's project. Throws -32602 for a relative folder, and what connecting throws. */
  async open(folder: string, client: string): Promise<Link> {
    if (!isAbsolute(folder)) throw badParams(`cwd "${folder}" is relative; it must be an absolute path`, { field: 'cwd' });
    const known = await this.#links.get(folder)?.catch(() => undefined);
    if (known?.alive) return known;
    const opening = this.#connect(folder, client);
    this.#links.set(folder, opening);
    opening.catch(() => this.#links.delete(folder));
    return await opening;
  }

  /** Ends every connection. */
  async close(): Promise<void> {
    for (const opening of this.#links.values()) await (await opening.catch(() => undefined))?.runtime.close();
  }
}

/** The id of a session: the run's alias and its project, so that runs of the same name are told apart and an id outlives every restart. */
export function sessionIdOf(run: string, root: string): string {
  return `${run}@${markOf(root)}`;
}

/** The run that a session's id names. Throws -32602 for an id of another project, or none. */
export function runOf(sessionId: string, root: string): string {
  const [run = '', mark, ...rest] = sessionId.split('@');
  if (run === '' || mark === undefined || rest.length > 0) throw unknownSession(sessionId);
  if (mark !== markOf(root)) throw badParams(`session ${sessionId} is of another folder than ${root}`, { sessionId, field: 'cwd' });
  return run;
}

/** The answer to a session that is not there. */
export function unknownSession(sessionId: string): Error {
  return badParams(`session not found: ${sessionId}; session/list has those that are there, session/load opens one`, {
    sessionId,
    field: 'sessionId',
  });
}

function markOf(root: string): string {
  return createHash('sha256').update(root).digest('hex').slice(0, 8);
}
