import type { SessionInfo } from '@agentclientprotocol/sdk';
import { visibleLine } from '../core/visible-text.ts';
import { badParams } from './errors.ts';
import type { Link } from './link.ts';
import { sessionIdOf } from './projects.ts';

const PAGE_RUNS = 50;

/** Where a listing goes on: a folder of those that are listed, and how many of its runs have been. */
interface Cursor {
  readonly folder: number;
  readonly offset: number;
}

/** A page of the runs of these folders, newest first, as sessions; an editor may go on with any of them (SPEC {#acp_list}). */
export async function sessionPage(
  folders: readonly string[],
  open: (folder: string) => Promise<Link>,
  cursor: string | null | undefined,
): Promise<{ sessions: SessionInfo[]; nextCursor?: string }> {
  const at = readCursor(cursor);
  const folder = folders[at.folder];
  if (folder === undefined) return { sessions: [] };
  const link = await open(folder);
  const runs = await link.runtime.look('getRuns', { limit: PAGE_RUNS, offset: at.offset });
  const sessions = runs.map(({ run, title, updatedAt }) => ({
    sessionId: sessionIdOf(run, link.root),
    cwd: link.root,
    title: visibleLine(title ?? run),
    updatedAt: new Date(updatedAt).toISOString(),
  }));
  const next = runs.length === PAGE_RUNS ? { ...at, offset: at.offset + PAGE_RUNS } : { folder: at.folder + 1, offset: 0 };
  return { sessions, ...(next.folder < folders.length ? { nextCursor: `${next.folder}.${next.offset}` } : {}) };
}

function readCursor(cursor: string | null | undefined): Cursor {
  if (cursor === undefined || cursor === null) return { folder: 0, offset: 0 };
  const found = /^(\d{1,4})\.(\d{1,9})$/.exec(cursor);
  if (!found) throw badParams('that cursor is not from session/list; leave it out to begin again', { field: 'cursor' });
  return { folder: Number(found[1]), offset: Number(found[2]) };
}
