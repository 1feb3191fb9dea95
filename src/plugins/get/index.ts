import { HeadgateError } from '../../core/errors.ts';
import { linePattern } from '../../core/line-pattern.ts';
import { isFilePath, requireFiles } from '../../hooks/file-proposal.ts';
import type { Plugin, ToolOutcome } from '../../hooks/plugin.ts';
import type { FileAccess } from '../../hooks/views.ts';
import type { Entry } from '../../model/records.ts';
import { describeBinary, fileSource, listingText } from './files.ts';
import { containing, type LineTest, matching, readLines, searchLines } from './lines.ts';
import { channelSource, type LineSource, textSource } from './source.ts';

const DOC = `Reads an entry (a note, a log entry, a channel of a command's output) or a file of the project, however large.

- \`file://src/main.ts\` is a file, relative to the project root. \`file://src/\` lists a folder, \`file://src/**/*.ts\` the files that
  a glob takes in; what \`.gitignore\` leaves out is not listed, but can be read by name.
- \`line\`: the first line, 1 for the first; a negative one counts from the end, so \`-50\` is the last 50 lines.
- \`limit\`: lines at most, 200 by default. What is left out is said.
- \`match\`: only lines that contain this text, with their numbers.
- \`pattern\`: only lines that this regular expression matches, with their numbers.
- A path that ends with \`/\` lists the entries below it: \`known://\`.

\`\`\`json
{"path": "file://src/main.ts", "line": 1, "limit": 40}
\`\`\`

\`\`\`json
{"path": "file://src/**/*.ts"}
\`\`\`

\`\`\`json
{"path": "sh://turn_1/npm-test_1", "line": -50}
\`\`\`

\`\`\`json
{"path": "sh://turn_1/npm-test_1", "pattern": "error TS\\\\d+"}
\`\`\`
`;

/** The tool \`get\`. */
export const get: Plugin = {
  name: 'get',
  setup({ tool, z }) {
    tool({
      name: 'get',
      doc: DOC,
      params: z.strictObject({
        path: z.string().min(1).max(1024).describe('file://src/main.ts, known://plan, sh://turn_1/npm-test_1'),
        line: z.int().optional().describe('First line; negative counts from the end.'),
        limit: z.int().min(1).max(2000).optional().describe('Lines at most. Default 200.'),
        match: z.string().min(1).max(256).optional().describe('Only lines that contain this text.'),
        pattern: z.string().min(1).max(512).optional().describe('Only lines that this regular expression matches.'),
      }),
      summary: ({ path }) => `read ${path}`,
      async handler({ path, line, limit, match, pattern }, call) {
        const { entries } = call;
        if (line === 0) return { kind: 'refused', status: 422, body: 'Line 0 does not exist: 1 is the first line, -1 the last.' };
        if (match !== undefined && pattern !== undefined)
          return { kind: 'refused', status: 422, body: 'Give either match or pattern, not both.' };
        const test = pattern === undefined ? textTest(match) : patternTest(pattern);
        if (test && 'kind' in test) return test;
        const linesOf = (source: LineSource) =>
          test ? searchLines(source, test, line ?? 1, limit ?? 200) : readLines(source, line ?? 1, limit ?? 200);
        if (isFilePath(path)) return await readFile(path, linesOf, requireFiles(call), call.signal);
        if (path.endsWith('/')) {
          const found = entries.list(path).map((entry) => `${entry.path} ${entry.status} ${entry.bytes} bytes${noteOf(entry)}`);
          return { kind: 'done', body: found.length === 0 ? `Nothing below ${path}.` : found.join('\n') };
        }
        const entry = entries.get(path);
        if (!entry)
          return { kind: 'refused', status: 404, body: `There is no entry ${path}. A path that ends with / lists what is below it.` };
        const channel = entries.channel(path);
        const source = channel ? channelSource(channel) : textSource(path, entry.body);
        const body = await linesOf(source);
        const live = channel?.status === 102;
        return { kind: 'done', body: live ? `${body}\n[${path} is still being written]` : body, attributes: { live } };
      },
    });
  },
};

async function readFile(
  path: string,
  linesOf: (source: LineSource) => string | Promise<string>,
  files: FileAccess,
  signal: AbortSignal,
): Promise<ToolOutcome> {
  const kind = files.kindOf(path);
  if (kind === 'folder' || kind === 'glob') return { kind: 'done', body: listingText(path, await files.list(path, signal)) };
  const reader = await files.open(path, signal);
  try {
    return { kind: 'done', body: reader.text ? await linesOf(fileSource(reader)) : describeBinary(reader) };
  } finally {
    reader.close();
  }
}

/** What a listing says of an entry beside its size: tags of what is known, and whether a question is open. */
function noteOf({ attributes: { tags, state } }: Entry): string {
  const said = [...(Array.isArray(tags) ? tags.map((tag) => `#${String(tag)}`) : []), ...(typeof state === 'string' ? [state] : [])];
  return said.length === 0 ? '' : ` ${said.join(' ')}`;
}
function textTest(text: string | undefined): LineTest | undefined {
  return text === undefined ? undefined : containing(text);
}

function patternTest(pattern: string): LineTest | ToolOutcome {
  try {
    return matching(linePattern(pattern, 'pattern'));
  } catch (error) {
    if (error instanceof HeadgateError) return { kind: 'refused', status: 422, body: error.message };
    throw error;
  }
}
