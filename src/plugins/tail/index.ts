import { statSync } from 'node:fs';
import { defined } from '../../core/defined.ts';
import { containedPath } from '../../hooks/contained-path.ts';
import type { Plugin } from '../../hooks/plugin.ts';
import { timeoutParam, yieldParam } from '../../hooks/time-params.ts';
import { followFile, requireShown, type TailInput } from './follow.ts';

const DOC = `Follows a file of the project as it grows, such as a log: its last lines first, then whatever is written to it, on channel 1. It goes
on over rotation, truncation and restarts of the server until it is cancelled or its time is over; channel 2 says when the file changed.

\`\`\`json
{"path": "logs/dev.log", "lines": 50, "yield_ms": 2000}
\`\`\`
`;

/** The tool `tail` and the producer behind it (SPEC {#tool_tail}). */
export const tail: Plugin = {
  name: 'tail',
  setup({ tool, producer, z }) {
    producer({
      kind: 'tail',
      channels: { 1: 'lines', 2: 'notes' },
      resumable: true,
      start: (input, io) => followFile(input as unknown as TailInput, io),
    });
    tool({
      name: 'tail',
      doc: DOC,
      traits: ['proposes', 'repo'],
      params: z.strictObject({
        path: z.string().min(1).max(4096).describe('File inside the project; it may come later.'),
        lines: z.int().min(0).max(100_000).optional().describe('Lines to begin with. Default 10.'),
        whole: z.boolean().optional().describe('True: begin with all of the file.'),
        timeout_ms: timeoutParam('Milliseconds until it is ended. Default: never.'),
        yield_ms: yieldParam('Milliseconds before you go on while it runs. Default 1000.'),
      }),
      summary: ({ path }) => `tail -F ${path}`,
      handler({ path, lines, whole, timeout_ms, yield_ms }, { project, files }) {
        const file = containedPath(project.root, path, 'path');
        requireShown(project.root, path, (name) => files?.hidden(`file://${name}`) ?? false);
        const there = statSync(file, { throwIfNoEntry: false });
        if (there && !there.isFile()) return { kind: 'refused', status: 422, body: `${path} is no file. watch tells of a folder.` };
        const input: TailInput = { path, lines: whole ? null : (lines ?? 10) };
        const summary = `tail -F ${path}`;
        return {
          kind: 'proposal',
          summary,
          subject: `file://${path}`,
          yieldMs: yield_ms ?? 1000,
          producer: {
            backend: 'tail',
            runner: 'server',
            spec: { input: { ...input }, command: summary, ...defined({ timeoutMs: timeout_ms }) },
          },
        };
      },
    });
  },
};
