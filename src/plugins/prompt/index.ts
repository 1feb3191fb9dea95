import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from '../../hooks/plugin.ts';
import type { ContextPart } from '../../hooks/table.ts';
import type { RunView } from '../../hooks/views.ts';
import type { Entry } from '../../model/records.ts';

/** Characters of AGENTS.md that are read as instructions. */
const MAX_INSTRUCTIONS = 32 * 1024;

const SYSTEM = `You are an agent that works in a project folder through tools. Commands are proposed, accepted by a person or a policy, and then
really run; their output comes to you as a digest that names what it leaves out, and get reads all of it.
Look before you change something. Say briefly what you do. When the task is done, answer with text alone, or call update with status 200.`;

/** The system prompt, the project's AGENTS.md, and what the user said. */
export const prompt: Plugin = {
  name: 'prompt',
  setup: (context) => context.filter('context.assemble', (parts, { view }) => [...system(view), ...spoken(view), ...parts], { priority: 100 }),
};

function system(view: RunView): ContextPart[] {
  const mode = view.loop.mode === 'ask' ? '\nThis is a question: look and answer, and change nothing.' : '';
  const texts = [`${SYSTEM}${mode}\nThe project is ${view.project.name}, in ${view.project.root}.`];
  const { persona } = view.settings;
  if (persona) texts.push(persona);
  const file = join(view.project.root, 'AGENTS.md');
  if (existsSync(file)) texts.push(`Instructions of this project (AGENTS.md):\n${readFileSync(file, 'utf8').slice(0, MAX_INSTRUCTIONS)}`);
  const text = texts.join('\n\n');
  // Kept under its own hash: a later turn that is shown another text does not change what this one was shown.
  const entry = view.record(`prompt://system/${createHash('sha256').update(text).digest('hex').slice(0, 16)}`, text);
  return [{ position: [0, 0, 0], message: { role: 'system', text }, pieces: [whole(entry)] }];
}

function spoken(view: RunView): ContextPart[] {
  return view.loops().flatMap((loop) =>
    view.entries(`prompt://loop_${loop.sequence}/`).map((entry): ContextPart => {
      const first = entry.path.endsWith('/user');
      // A message that came during a turn is read after it.
      return { position: [loop.sequence, first ? 0 : entry.turn, first ? 0 : 900], message: { role: 'user', text: entry.body }, pieces: [whole(entry)] };
    }),
  );
}

function whole(entry: Entry): { path: string; from: number; to: number } {
  return { path: entry.path, from: 0, to: entry.bytes };
}
