import { statSync } from 'node:fs';
import { defined } from '../../core/defined.ts';
import { containedPath } from '../../hooks/contained-path.ts';
import type { Plugin } from '../../hooks/plugin.ts';
import { timeoutParam, yieldParam } from '../../hooks/time-params.ts';
import { runWatch, type WatchInput } from './run.ts';

const DOC = `Tells of every file that is created, changed or deleted below a folder of the project, a JSON line each on channel 1:
\`{"n", "at", "type", "path", "kind", "bytes"}\`. It goes on over restarts of the server until it is cancelled or its time is over.

\`\`\`json
{"path": "src", "yield_ms": 0}
\`\`\`

\`\`\`json
{"ignore": ["dist", "coverage"], "timeout_ms": 600000}
\`\`\`
`;

/** Names that are left out unless something else is asked for. */
const USUAL = ['.git', 'node_modules'];

/** The tool `watch` and the producer behind it (SPEC {#tool_watch}). */
export const watch: Plugin = {
  name: 'watch',
  setup({ tool, producer, z }) {
    producer({
      kind: 'watch',
      channels: { 1: 'events', 2: 'notes' },
      resumable: true,
      start: (input, io) => runWatch(input as unknown as WatchInput, io),
    });
    const name = z
      .string()
      .min(1)
      .max(255)
      .regex(/^[^/]+$/, 'must be the name of a file or folder, without a slash');
    tool({
      name: 'watch',
      doc: DOC,
      traits: ['proposes', 'repo'],
      params: z.strictObject({
        path: z.string().min(1).max(4096).optional().describe('Folder inside the project. Default: all of it.'),
        ignore: z.array(name).max(100).optional().describe('Names that are left out beside .git and node_modules.'),
        timeout_ms: timeoutParam('Milliseconds until it is ended. Default: never.'),
        yield_ms: yieldParam('Milliseconds before you go on while it runs. Default 0.'),
      }),
      summary: ({ path = '.' }) => `watch ${path}`,
      handler({ path = '.', ignore = [], timeout_ms, yield_ms }, { project }) {
        const folder = statSync(containedPath(project.root, path, 'path'), { throwIfNoEntry: false });
        if (!folder) return { kind: 'refused', status: 404, body: `There is no folder ${path}.` };
        if (!folder.isDirectory()) return { kind: 'refused', status: 422, body: `${path} is no folder. tail follows a file.` };
        const input: WatchInput = { path, ignore: [...new Set([...USUAL, ...ignore])] };
        const summary = `watch ${path}`;
        return {
          kind: 'proposal',
          summary,
          subject: `file://${path}`,
          yieldMs: yield_ms ?? 0,
          producer: {
            backend: 'watch',
            runner: 'server',
            spec: { input: { ...input }, command: summary, ...defined({ timeoutMs: timeout_ms }) },
          },
        };
      },
    });
  },
};
