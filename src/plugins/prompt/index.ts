import { HeadgateError } from '../../core/errors.ts';
import { incompleteTail } from '../../core/utf8.ts';
import type { Plugin } from '../../hooks/plugin.ts';
import type { ContextPart } from '../../hooks/table.ts';
import type { RunView } from '../../hooks/views.ts';
import type { Entry, Loop, Project, RunSettings } from '../../model/records.ts';

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

/** What every model is told first. Nothing in it changes from turn to turn, so that providers can cache it. */
function systemText(project: Project, loop: Loop, settings: RunSettings): string {
  const change = loop.mode === 'ask' ? '' : ' Change them with `set`, by edits that quote what is there, once you have read it.';
  const files = settings.noRepo ? '' : `- Files of the project are file://path/from/the/root: read and list them with \`get\`.${change}\n`;
  const base = `You work in the project "${project.name}" at ${project.root} through tools.

${files}- Commands that you propose run after a person or a policy has accepted them; a rejection is an answer, not a fault.
- Output of commands is kept in full in channels. You are shown a digest that says what it leaves out; read the rest with \`get\`.
- Tool calls of one answer run one after another. When one fails, the rest of them are not done.
- Entries such as known://notes/plan stay with this run: what you learn is \`known\`, what is open \`unknown\`; \`get\` with a path that ends
  with "/" lists them.
- When the work is done, answer with text and no tool call.`;
  const mode = loop.mode === 'ask' ? '\n\nYou are asked a question: look around as you need, change nothing, and answer it.' : '';
  const persona = settings.persona ? `\n\n${settings.persona}` : '';
  return `${base}${mode}${persona}`;
}
