import { fileProposal, isFilePath, requireFiles } from '../../hooks/file-proposal.ts';
import type { Plugin, ToolCallContext, ToolOutcome } from '../../hooks/plugin.ts';

const DOC = `Moves a file or an entry to a path that is not taken. What touches a file is done once a person has accepted it. Between \`file://\` and
an entry such as \`known://notes/x\` the text is moved.

\`\`\`json
{"path": "file://src/util.ts", "to": "file://src/text/util.ts"}
\`\`\`

\`\`\`json
{"path": "known://notes/plan", "to": "file://PLAN.md"}
\`\`\`
`;

/** The tool `mv`. */
export const mv: Plugin = {
  name: 'mv',
  setup({ tool, z }) {
    const path = z.string().min(1).max(1024);
    tool({
      name: 'mv',
      doc: DOC,
      traits: ['writes'],
      params: z.strictObject({ path: path.describe('What is there.'), to: path.describe('Its new path; nothing is there yet.') }),
      summary: ({ path, to }) => `move ${path} to ${to}`,
      handler: ({ path, to }, call) => (isFilePath(path) ? moveFile(path, to, call) : moveEntry(path, to, call)),
    });
  },
};

function moveFile(path: string, to: string, call: ToolCallContext): ToolOutcome {
  const files = requireFiles(call);
  if (isFilePath(to)) return fileProposal(files.plan({ op: 'move', path, to }));
  if (call.entries.get(to)) return taken(to);
  const body = files.text(path);
  // Where there is none, the plan says so.
  return fileProposal(files.plan({ op: 'remove', path }), { writes: [{ path: to, body: body ?? '', create: true }] });
}

function moveEntry(path: string, to: string, call: ToolCallContext): ToolOutcome {
  const entry = call.entries.get(path);
  if (!entry)
    return { kind: 'refused', status: 404, body: `There is no entry ${path}. A get of a path that ends with / lists what is below it.` };
  if (!isFilePath(to)) {
    if (call.entries.get(to)) return taken(to);
    const { body, attributes, visibility } = entry;
    return {
      kind: 'done',
      body: `${path} is ${to} now.`,
      writes: [{ path: to, body, attributes, visibility, create: true }],
      removes: [path],
    };
  }
  const files = requireFiles(call);
  if (files.kindOf(to) !== 'none') return taken(to);
  return fileProposal(files.plan({ op: 'write', path: to, text: entry.body }), { removes: [path] });
}

function taken(path: string): ToolOutcome {
  return { kind: 'refused', status: 409, outcome: 'conflict', body: `${path} is there already. Remove it first, or take another path.` };
}
