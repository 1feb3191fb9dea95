import type { Plugin } from '../../hooks/plugin.ts';
import { readLines, searchLines } from './lines.ts';
import { channelSource, textSource } from './source.ts';

const DOC = `Reads an entry: a note, a log entry, or a channel of a command's output, however large.

- \`line\`: the first line, 1 for the first; a negative one counts from the end, so \`-50\` is the last 50 lines.
- \`limit\`: lines at most, 200 by default. What is left out is said.
- \`match\`: only lines that contain this text, with their numbers.
- A path that ends with \`/\` lists the entries below it: \`known://\`.

\`\`\`json
{"path": "sh://turn_1/npm-test_1", "line": -50}
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
        path: z.string().min(1).max(512),
        line: z.int().optional().describe('First line; negative counts from the end.'),
        limit: z.int().min(1).max(2000).optional().describe('Lines at most. Default 200.'),
        match: z.string().min(1).max(256).optional().describe('Only lines that contain this text.'),
      }),
      summary: ({ path }) => `read ${path}`,
      handler({ path, line, limit, match }, { entries }) {
        if (line === 0) return { kind: 'refused', status: 422, body: 'Line 0 does not exist: 1 is the first line, -1 the last.' };
        if (path.endsWith('/')) {
          const found = entries.list(path).map((entry) => `${entry.path} ${entry.status} ${entry.bytes} bytes`);
          return { kind: 'done', body: found.length === 0 ? `Nothing below ${path}.` : found.join('\n') };
        }
        const entry = entries.get(path);
        if (!entry)
          return { kind: 'refused', status: 404, body: `There is no entry ${path}. A path that ends with / lists what is below it.` };
        const channel = entries.channel(path);
        const source = channel ? channelSource(channel) : textSource(path, entry.body);
        const body = match === undefined ? readLines(source, line ?? 1, limit ?? 200) : searchLines(source, match, line ?? 1, limit ?? 200);
        const live = channel?.status === 102;
        return { kind: 'done', body: live ? `${body}\n[${path} is still being written]` : body, attributes: { live } };
      },
    });
  },
};
