import { messageOf } from '../../core/errors.ts';
import { containedPath } from '../../hooks/contained-path.ts';
import type { Plugin } from '../../hooks/plugin.ts';
import { timeoutParam, yieldParam } from '../../hooks/time-params.ts';
import { expressionOf, runSearch, type SearchInput } from './run.ts';

const DOC = `Searches the files of the project for lines that match a regular expression. Channel 1 has \`path:line:text\`, channel 2 warnings.

Files that git ignores, hidden ones and binary ones are left out; \`hidden\` and \`ignored\` put the first two back in.

\`\`\`json
{"pattern": "function \\\\w+Token", "glob": ["*.ts"], "context": 2}
\`\`\`

\`\`\`json
{"pattern": "TODO(", "literal": true, "path": "src", "files_only": true}
\`\`\`
`;

const TIMEOUT_MS = 60_000;

/** The tool `search` and the producer behind it (SPEC {#tool_search}). */
export const search: Plugin = {
  name: 'search',
  setup({ tool, producer, z }) {
    producer({
      kind: 'search',
      channels: { 1: 'results', 2: 'warnings' },
      start: (input, io) => runSearch(input as unknown as SearchInput, io),
    });
    const glob = z.string().min(1).max(500);
    tool({
      name: 'search',
      doc: DOC,
      traits: ['proposes', 'repo'],
      params: z.strictObject({
        pattern: z.string().min(1).max(1000).describe('A regular expression of JavaScript, for one line.'),
        literal: z.boolean().optional().describe('True: the pattern is a text.'),
        ignore_case: z.boolean().optional(),
        path: z.string().min(1).max(4096).optional().describe('File or folder inside the project. Default: all of it.'),
        glob: z
          .array(glob)
          .max(50)
          .optional()
          .describe('Only files like one of these, such as *.ts or src/**; with ! in front: none like it.'),
        context: z.int().min(0).max(20).optional().describe('Lines before and after each match.'),
        files_only: z.boolean().optional().describe('True: only the names of the files.'),
        hidden: z.boolean().optional().describe('True: also files whose names begin with a dot.'),
        ignored: z.boolean().optional().describe('True: also files that .gitignore or .ignore name.'),
        max_matches: z.int().min(1).max(10_000).optional().describe('Default 500.'),
        timeout_ms: timeoutParam('Default 60000.', 3600_000),
        yield_ms: yieldParam('Milliseconds to wait for its end. Default 60000.'),
      }),
      summary: ({ pattern, path = '.' }) => `search ${JSON.stringify(pattern)} in ${path}`,
      handler(input, { project }) {
        const { pattern, path = '.', glob: globs = [] } = input;
        const accepted: SearchInput = {
          pattern,
          literal: input.literal ?? false,
          ignoreCase: input.ignore_case ?? false,
          path,
          include: globs.filter((one) => !one.startsWith('!')),
          exclude: globs.filter((one) => one.startsWith('!')).map((one) => one.slice(1)),
          hidden: input.hidden ?? false,
          ignored: input.ignored ?? false,
          context: input.context ?? 0,
          filesOnly: input.files_only ?? false,
          maxMatches: input.max_matches ?? 500,
        };
        containedPath(project.root, path, 'path');
        try {
          expressionOf(accepted);
        } catch (error) {
          const body = `The pattern is no regular expression: ${messageOf(error)}. With literal: true it is taken as a text.`;
          return { kind: 'refused', status: 422, body };
        }
        const summary = `search ${JSON.stringify(pattern)} in ${path}`;
        return {
          kind: 'proposal',
          summary,
          subject: `file://${path}`,
          yieldMs: input.yield_ms ?? TIMEOUT_MS,
          producer: {
            backend: 'search',
            runner: 'server',
            spec: { input: { ...accepted }, command: summary, timeoutMs: input.timeout_ms ?? TIMEOUT_MS },
          },
        };
      },
    });
  },
};
