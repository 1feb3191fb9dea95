import { HeadgateError } from '../../core/errors.ts';
import { incompleteTail } from '../../core/utf8.ts';
import type { Plugin } from '../../hooks/plugin.ts';
import type { ContextPart } from '../../hooks/table.ts';
import type { RunView } from '../../hooks/views.ts';
import type { Entry } from '../../model/records.ts';
import { systemText } from './system.ts';

const INSTRUCTIONS_FILE = 'AGENTS.md';
const MAX_INSTRUCTION_BYTES = 64 * 1024;

/** The system prompt, the project's instructions, what users asked, and messages put in between. */
export const prompt: Plugin = {
  name: 'prompt',
  setup(context) {
    context.filter('context.assemble', async (parts, { view }) => [...parts, ...(await system(view)), ...prompts(view)], { priority: 100 });
  },
};

/** Written once a loop, so that it stays the same for all of its turns whatever happens to the file. */
async function system(view: RunView): Promise<ContextPart[]> {
  const folder = `prompt://loop_${view.loop.sequence}`;
  const base = view.record(`${folder}/system`, systemText(view.project, view.loop, view.settings));
  const known = view.entries(`${folder}/instructions`)[0];
  const instructions = known ?? (await recordInstructions(view, `${folder}/instructions`));
  return [base, ...(instructions ? [instructions] : [])].map((entry, rank) => part(entry, 'system', [0, 0, rank]));
}

async function recordInstructions(view: RunView, path: string): Promise<Entry | undefined> {
  // An instruction file that appears while a loop runs belongs to the next one.
  if (view.turns().some((turn) => turn.loopId === view.loop.id)) return undefined;
  const text = await readInstructions(view);
  return text === undefined ? undefined : view.record(path, `Instructions of this project (${INSTRUCTIONS_FILE}):\n\n${text}`);
}

/** Read as a model reads a file, so under the same bounds: no link out of the project, no pipe, none with `noRepo`. */
async function readInstructions({ files }: RunView): Promise<string | undefined> {
  try {
    const reader = await files?.open(`file://${INSTRUCTIONS_FILE}`);
    if (!reader) return undefined;
    try {
      const head = reader.read(0, MAX_INSTRUCTION_BYTES);
      if (head.length === reader.bytes) return head.toString();
      const whole = head.subarray(0, head.length - incompleteTail(head));
      return `${whole.toString()}\n[${INSTRUCTIONS_FILE} goes on: ${reader.bytes - whole.length} more bytes are in the file]`;
    } finally {
      reader.close();
    }
  } catch (error) {
    // Not there, or not one that may be read.
    if (error instanceof HeadgateError) return undefined;
    throw error;
  }
}

function prompts(view: RunView): ContextPart[] {
  const answered = new Set(view.turns().map((turn) => turn.loopId));
  // A prompt that was dropped from the queue was never asked.
  const begun = new Set(
    view
      .loops()
      .filter(({ id }) => id === view.loop.id || answered.has(id))
      .map((loop) => loop.sequence),
  );
  return view.entries('prompt://loop_').flatMap((entry) => {
    const match = /^prompt:\/\/loop_(\d+)\/(user|message_\d+)$/.exec(entry.path);
    const loop = Number(match?.[1]);
    if (!match || (loop !== 0 && !begun.has(loop))) return [];
    return [part(entry, 'user', match[2] === 'user' ? [loop, 0, 0] : [loop, ...placeOf(view, entry)])];
  });
}

/**
 * A message that came before its turn's context was assembled was shown before that turn's answer, and stays there;
 * others follow the turn in which they came.
 */
function placeOf(view: RunView, entry: Entry): [turn: number, rank: number] {
  const early = entry.attributes['shown_turn'] ?? (entry.turn === view.turn.sequence ? entry.turn : undefined);
  if (typeof early !== 'number') return [entry.turn, 9];
  if (entry.attributes['shown_turn'] === undefined) view.mark(entry, { shown_turn: early });
  return [early, -1];
}

function part(entry: Entry, role: 'system' | 'user', position: ContextPart['position']): ContextPart {
  return { position, message: { role, text: entry.body }, pieces: [{ path: entry.path, from: 0, to: entry.bytes }] };
}
