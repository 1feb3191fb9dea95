import type { ContextPart } from '../../hooks/table.ts';
import { parseChannelPath, parseLogPath } from '../../model/paths.ts';
import type { Entry, Run } from '../../model/records.ts';
import type { RuntimeParts } from '../parts.ts';
import { RECLAIMED } from './reclaimed-note.ts';
import type { CountTokens } from './tokens.ts';

/** Characters of the beginning that a stub keeps of a command's result: the command and how it ended. */
const MAX_HEAD_CHARS = 500;
/** Channels that a stub names. */
const MAX_PATHS = 3;

/** The log entry whose body or output a part shows, if it is one that can be hidden. */
export function shownEntry(parts: Pick<RuntimeParts, 'store'>, run: Run, part: ContextPart): Entry | undefined {
  const { role } = part.message;
  if (role !== 'tool' && role !== 'user') return undefined;
  const path = part.pieces[0]?.path;
  if (path === undefined || !parseLogPath(path)) return undefined;
  const entry = parts.store.entries.get(run.id, path);
  return entry?.outcome === RECLAIMED ? undefined : entry;
}

/** The part as it is shown: when its entry is hidden, with a stub that says how much it was and how to read it again. */
export async function withStub(parts: Pick<RuntimeParts, 'store'>, run: Run, part: ContextPart, count: CountTokens): Promise<ContextPart> {
  const entry = shownEntry(parts, run, part);
  if (!entry || entry.visibility === 'visible') return part;
  const word = entry.attributes['reclaimed'] === true ? 'reclaimed' : entry.visibility === 'archived' ? 'archived' : 'hidden';
  return await stubbed(part, entry, word, count);
}

/** The part with its stub, unless that would be longer. */
export async function stubbed(part: ContextPart, entry: Entry, word: string, count: CountTokens): Promise<ContextPart> {
  const { text } = part.message;
  const channels = [...new Set(part.pieces.map(({ path }) => path).filter((path) => parseChannelPath(path) !== undefined))];
  const head = channels.length > 0 ? headOf(text) : '';
  const paths = channels.length > 0 ? channels.slice(0, MAX_PATHS) : [entry.path];
  const calls = paths.map((path) => `get {"path": "${path}"}`).join(', ');
  const reads = paths.length > 1 ? 'read it' : 'reads it';
  const [whole = 0, kept = 0] = await count([text, head]);
  const stub = `${head}[${word}: ${(whole - kept).toLocaleString('en-US')} tokens; ${calls} ${reads} again]`;
  if (stub.length >= text.length) return part;
  const pieces = head === '' ? [] : part.pieces.slice(0, 1);
  return { ...part, message: { ...part.message, text: stub }, pieces };
}

/** What stands before the output: the command and its outcome. */
function headOf(text: string): string {
  const end = text.indexOf('\n\n');
  return end < 0 || end > MAX_HEAD_CHARS ? '' : `${text.slice(0, end)}\n\n`;
}
