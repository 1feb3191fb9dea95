import { createHash } from 'node:crypto';
import { isHeadgateError, messageOf } from '../../core/errors.ts';
import { incompleteTail } from '../../core/utf8.ts';
import type { Plugin } from '../../hooks/plugin.ts';
import type { ContextPart } from '../../hooks/table.ts';
import type { FileAccess, RunView } from '../../hooks/views.ts';
import { slugOf } from '../../model/paths.ts';

const MAX_FILE_BYTES = 32 * 1024;
const MAX_BYTES = 64 * 1024;
/** After everything else of the turn: what is read again each turn must not spoil what a provider has kept. */
const LAST_RANK = 20;

/** Files that a client wants the model to see in every turn (SPEC {#file_constraints}). */
export const files: Plugin = {
  name: 'files',
  setup({ filter }) {
    filter('context.assemble', async (parts, { view }) => [...parts, ...(await persisted(view))], { priority: 300 });
  },
};

async function persisted(view: RunView): Promise<ContextPart[]> {
  if (!view.files) return [];
  const { paths, more } = await view.files.persisted();
  if (paths.length === 0) return [];
  const parts: ContextPart[] = [];
  let left = MAX_BYTES;
  const missing: string[] = [];
  for (const path of paths) {
    const text = await shown(view.files, path, Math.min(left, MAX_FILE_BYTES));
    if (text === undefined) {
      missing.push(path);
      continue;
    }
    left -= Buffer.byteLength(text);
    parts.push(part(view, path, text));
  }
  if (missing.length + more > 0) {
    const names = missing.length === 0 ? '' : `: ${missing.join(', ')}`;
    parts.push(
      part(
        view,
        'more',
        `[${missing.length + more} more files are to be shown, and there is no room for them${names}; read them with get]`,
      ),
    );
  }
  return parts;
}

/** The text is kept under the name of its content, so a record of the turn still says what was shown when the file has changed. */
function part(view: RunView, path: string, text: string): ContextPart {
  const entry = view.record(`prompt://files/${slugOf(path)}/${createHash('sha256').update(text).digest('hex').slice(0, 24)}`, text);
  return {
    position: [view.loop.sequence, view.turn.sequence, LAST_RANK],
    message: { role: 'user', text: entry.body },
    pieces: [{ path: entry.path, from: 0, to: entry.bytes }],
  };
}

/** What is shown of a file; undefined when there is no room for it. */
async function shown(access: FileAccess, path: string, maxBytes: number): Promise<string | undefined> {
  try {
    const reader = await access.open(path);
    try {
      if (!reader.text) return `[${path}, as it is now: ${reader.bytes} bytes that are no text]`;
      const title = `[${path}, as it is now: ${reader.bytes} bytes]\n`;
      const room = maxBytes - Buffer.byteLength(title);
      if (room <= 0) return undefined;
      const data = reader.read(0, room);
      if (data.length === reader.bytes) return `${title}${data.toString('utf8')}`;
      const head = data.subarray(0, data.length - incompleteTail(data)).toString('utf8');
      return `${title}${head}\n[the first ${data.length} bytes of it; read on with get {"path": "${path}", "line": ${head.split('\n').length}}]`;
    } finally {
      reader.close();
    }
  } catch (error) {
    // Gone between the listing and here, or not to be read: it is said, and the turn goes on.
    if (isHeadgateError(error)) return `[${path}: ${messageOf(error)}]`;
    throw error;
  }
}
