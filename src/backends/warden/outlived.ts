import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../../core/errors.ts';
import { aloneMs, type Lifetime } from '../../model/lifetime.ts';
import { readAlive } from '../process/proc.ts';
import { ProducerFolder } from '../shim/producer-folder.ts';

/** A command that runs while no server serves its spool. */
export interface SpoolCommand {
  /** Name of its folder: the producer's id. */
  readonly id: string;
  readonly command: string;
  /** Of its shim. */
  readonly pid: number;
  readonly lifetime: Lifetime;
  /** When it is ended if no server comes, milliseconds since the epoch; null: never, or it is not known since when there is no server. */
  readonly until: number | null;
}

/** What runs without a server, and since when: the commands of a spool whose server has gone (SPEC {#lifetime}). Changes nothing. */
export function readOutlived(folder: string): { since: number | null; commands: SpoolCommand[] } {
  const names = listed(folder);
  if (names.length === 0) return { since: null, commands: [] };
  const spool = realpathSync(folder);
  const since = statSync(join(spool, 'gone'), { throwIfNoEntry: false })?.mtimeMs ?? null;
  const commands = names.flatMap((id) => {
    const claim = new ProducerFolder(spool, id).claim();
    if (claim.state !== 'claimed' || !readAlive(claim.shim)) return [];
    const { command, lifetime } = specIn(join(spool, id));
    const ms = aloneMs(lifetime);
    const until = since === null || ms === undefined ? null : Math.round(since + ms);
    return [{ id, command, pid: claim.shim.pid, lifetime, until }];
  });
  return { since: since === null ? null : Math.round(since), commands };
}

function listed(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}

function specIn(folder: string): { command: string; lifetime: Lifetime } {
  try {
    const { command, lifetime } = JSON.parse(readFileSync(join(folder, 'spec.json'), 'utf8')) as Record<string, unknown>;
    const isLifetime = lifetime === 'server' || typeof lifetime === 'number';
    return { command: typeof command === 'string' ? command : '', lifetime: isLifetime ? lifetime : 'forever' };
  } catch {
    return { command: '', lifetime: 'forever' };
  }
}
