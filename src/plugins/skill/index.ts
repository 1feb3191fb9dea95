import { messageOf } from '../../core/errors.ts';
import type { Plugin } from '../../hooks/plugin.ts';
import type { ContextPart } from '../../hooks/table.ts';
import type { RunView } from '../../hooks/views.ts';

const DOC = `Attaches a skill: instructions for one kind of work, by a name of the list that you were given. Its text stays with the run as
\`skill://name\`. With \`file\` it reads one more file of the skill's folder instead.

\`\`\`json
{"name": "release-notes"}
\`\`\`

\`\`\`json
{"name": "release-notes", "file": "template.md"}
\`\`\`
`;

/** The tool `skill`, the list of skills, and the texts of those that are attached (SPEC {#skills}). */
export const skill: Plugin = {
  name: 'skill',
  setup({ tool, filter, z }) {
    tool({
      name: 'skill',
      doc: DOC,
      params: z.strictObject({
        name: z.string().min(1).max(64),
        file: z.string().min(1).max(512).optional().describe("Path of a file in the skill's folder."),
      }),
      summary: ({ name, file }) => (file === undefined ? `use the skill ${name}` : `read ${file} of the skill ${name}`),
      handler({ name, file }, { skills }) {
        const found = skills.read(name);
        if (!found) {
          const names = skills.list().flatMap((one) => (one.problem === undefined ? [one.name] : []));
          const known = names.length === 0 ? 'There is none here.' : `There is: ${names.join(', ')}.`;
          return { kind: 'refused', status: 404, body: `There is no skill "${name}". ${known}` };
        }
        if (file === undefined) {
          const writes = [
            { path: `skill://${name}`, body: found.text, attributes: { description: found.description, source: found.source } },
          ];
          const more = found.files.length === 0 ? '' : `\nIts folder also has: ${found.files.join(', ')}. Read one with "file".`;
          return { kind: 'done', body: `skill://${name} is attached; its text follows.${more}`, writes };
        }
        try {
          return { kind: 'done', body: skills.readFile(found, file) };
        } catch (error) {
          const known = found.files.length === 0 ? 'The skill has no other files.' : `The skill has: ${found.files.join(', ')}.`;
          return { kind: 'refused', status: 404, body: `${file} of the skill ${name} cannot be read: ${messageOf(error)}. ${known}` };
        }
      },
    });
    filter('context.assemble', (parts, { view }) => [...parts, ...catalogue(view), ...attached(view)], { priority: 150 });
  },
};

/** Written once a loop, so that every turn of it begins with the same bytes. */
function catalogue(view: RunView): ContextPart[] {
  const path = `prompt://loop_${view.loop.sequence}/skills`;
  const known = view.entries(path)[0];
  // A skill that appears while a loop runs belongs to the next one.
  if (!known && view.turns().some((turn) => turn.loopId === view.loop.id)) return [];
  const usable = known ? [] : view.skills.list().filter(({ problem }) => problem === undefined);
  if (!known && usable.length === 0) return [];
  const lines = usable.map(({ name, description }) => `- ${name}: ${description}`);
  const entry =
    known ?? view.record(path, `Skills that you can attach with the tool \`skill\` when the work calls for one:\n\n${lines.join('\n')}`);
  return [{ position: [0, 0, 5], message: { role: 'system', text: entry.body }, pieces: [{ path, from: 0, to: entry.bytes }] }];
}

function attached(view: RunView): ContextPart[] {
  const sequences = new Map(view.loops().map((loop) => [loop.id, loop.sequence]));
  return view.entries('skill://').map((entry) => ({
    // Behind the results of the turn in which it was attached, where it stays.
    position: [entry.loopId === null ? 0 : (sequences.get(entry.loopId) ?? view.loop.sequence), entry.turn, 8],
    message: { role: 'user', text: `The skill ${entry.path}:\n\n${entry.body}` },
    pieces: [{ path: entry.path, from: 0, to: entry.bytes }],
  }));
}
