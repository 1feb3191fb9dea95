import { defined } from '../../core/defined.ts';
import { fileProposal, isFilePath, requireFiles } from '../../hooks/file-proposal.ts';
import type { Plugin, ToolCallContext, ToolOutcome } from '../../hooks/plugin.ts';
import type { Visibility } from '../../model/records.ts';
import { applyEdits, type TextEdit } from './edits.ts';

const DOC = `Writes or edits a file of the project or an entry. A file is changed once a person or a policy has accepted the diff; an entry, such as a plan, stays
with the run and is written at once. \`log://\`, \`prompt://\` and channels are written by the server alone.

- \`body\`: the whole text; it replaces what is there, and makes the file when there is none.
- \`edits\`: one after another, each \`{"old": ..., "new": ...}\` or \`{"after": line, "new": ...}\`. \`old\` is quoted exactly and must be there
  once, or with \`"all": true\` any number of times. \`after\` puts \`new\` in as lines of its own after that line, 0 for the front. Read a file before you edit it.

\`\`\`json
{"path": "file://src/main.ts", "edits": [{"old": "const port = 80;", "new": "const port = 8080;"}, {"after": 0, "new": "// The server."}]}
\`\`\`

\`\`\`json
{"path": "file://docs/setup.md", "body": "# Setup\\n\\nRun npm ci.\\n"}
\`\`\`

\`visibility\` alone hides the result of an earlier action from what you are shown, or shows it again: \`{"path": "log://turn_3/sh/npm-test", "visibility": "archived"}\`.

\`\`\`json
{"path": "known://deploy/steps", "body": "1. build\\n2. copy"}
\`\`\`

\`append\` puts the body behind what an entry holds.
`;

interface Input {
  readonly path: string;
  readonly body?: string | undefined;
  readonly edits?: readonly TextEdit[] | undefined;
  readonly append?: boolean | undefined;
  readonly visibility?: Visibility | undefined;
}

/** The tool `set`. */
export const set: Plugin = {
  name: 'set',
  setup({ tool, z }) {
    const text = z.string().max(2 * 1024 * 1024);
    const replace = z.strictObject({
      old: text.min(1).describe('Text that is there, quoted exactly.'),
      new: text.describe('What takes its place.'),
      all: z.boolean().optional().describe('True: everywhere. Default: it must be there exactly once.'),
    });
    const insert = z.strictObject({
      after: z.int().min(0).describe('Line number; 0 is the front.'),
      new: text.describe('Lines to put in.'),
    });
    tool({
      name: 'set',
      doc: DOC,
      traits: ['writes'],
      params: z.strictObject({
        path: z.string().min(1).max(1024).describe('file://src/main.ts, or an entry such as known://deploy/steps'),
        body: z.string().optional().describe('The whole text; it replaces what is there.'),
        edits: z
          .array(z.union([replace, insert], { error: 'must be {"old": text, "new": text, "all"?: true} or {"after": line, "new": text}' }))
          .min(1)
          .max(200)
          .optional()
          .describe('Edits instead of a body.'),
        append: z.boolean().optional().describe('True: body goes behind what the entry holds; not for files.'),
        visibility: z.enum(['visible', 'summarized', 'archived']).optional().describe('Whether an entry is shown to you.'),
      }),
      summary: ({ path, edits }) => `${edits ? 'edit' : 'write'} ${path}`,
      handler: (input, call) => {
        const { path, body, edits, append, visibility } = input;
        if (append && body === undefined) return { kind: 'refused', status: 422, body: 'There is nothing to append; give body.' };
        if ((body !== undefined && edits !== undefined) || (body ?? edits ?? visibility) === undefined)
          return { kind: 'refused', status: 422, body: 'Give either body or edits, or a visibility of an entry.' };
        if (!isFilePath(path)) return setEntry(input, call);
        if (append) return { kind: 'refused', status: 422, body: 'A file is not appended to; use edits, with after the last line.' };
        if (visibility === undefined) return setFile(input, call);
        return { kind: 'refused', status: 422, body: 'A file has no visibility; leave it out.' };
      },
    });
  },
};

function setFile({ path, body, edits }: Input, call: ToolCallContext): ToolOutcome {
  const files = requireFiles(call);
  const now = edits && files.text(path);
  if (edits && now === undefined)
    return { kind: 'refused', status: 404, body: `There is no ${path} to edit. Write it whole with body, or list its folder with get.` };
  const planned = files.plan({ op: 'write', path, text: edits ? applyEdits(now ?? '', edits, path) : (body ?? '') });
  if (planned.before === planned.after) return { kind: 'done', body: `${path} is just that already; nothing to change.` };
  return fileProposal(planned);
}

function setEntry({ path, body, edits, append, visibility }: Input, { entries }: ToolCallContext): ToolOutcome {
  const now = edits && entries.get(path);
  if (edits && !now) return { kind: 'refused', status: 404, body: `There is no entry ${path} to edit. Write it whole with body.` };
  const text = edits ? applyEdits(now?.body ?? '', edits, path) : body;
  const before = append ? Buffer.byteLength(entries.get(path)?.body ?? '') : 0;
  const holds = text === undefined ? [] : [`${path} holds ${before + Buffer.byteLength(text)} bytes now.`];
  const shown = visibility === undefined ? [] : [`${path} is ${visibility} now.`];
  const write = { path, ...defined({ body: text, append, visibility }) };
  return { kind: 'done', body: [...holds, ...shown].join(' '), writes: [write] };
}
