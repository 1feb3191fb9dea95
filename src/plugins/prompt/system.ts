import type { Loop, Project, RunSettings } from '../../model/records.ts';

/** What every model is told first. Nothing in it changes from turn to turn, so that providers can cache it. */
export function systemText(project: Project, loop: Loop, settings: RunSettings): string {
  const change = loop.mode === 'ask' ? '' : ' Change them with `set`, by edits that quote what is there, once you have read it.';
  const files = settings.noRepo ? '' : `- Files of the project are file://path/from/the/root: read and list them with \`get\`.${change}\n`;
  const base = `You work in the project "${project.name}" at ${project.root} through tools.

${files}- Commands that you propose run after somebody has accepted them; a rejection is an answer, not a fault.
- Output of commands is kept in full in channels. You are shown a digest that says what it leaves out; read the rest with \`get\`.
- Tool calls of one answer run one after another. When one fails, the rest of them are not done.
- Entries such as known://notes/plan stay with this run: what you learn is \`known\`, what is open \`unknown\`; \`get\` with a path that ends
  with "/" lists them.
- When the work is done, answer with text and no tool call.`;
  const mode = loop.mode === 'ask' ? '\n\nYou are asked a question: look around as you need, change nothing, and answer it.' : '';
  const persona = settings.persona ? `\n\n${settings.persona}` : '';
  return `${base}${mode}${persona}`;
}
