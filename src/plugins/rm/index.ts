import { fileProposal, isFilePath, requireFiles } from '../../hooks/file-proposal.ts';
import type { Plugin } from '../../hooks/plugin.ts';

const DOC = `Removes a file of the project, once a person or a policy has accepted it, or an entry that you or a user wrote. Folders are for a command.

\`\`\`json
{"path": "file://src/old.ts"}
\`\`\`

\`\`\`json
{"path": "known://notes/draft"}
\`\`\`
`;

/** The tool `rm`. */
export const rm: Plugin = {
  name: 'rm',
  setup({ tool, z }) {
    tool({
      name: 'rm',
      doc: DOC,
      traits: ['writes'],
      params: z.strictObject({ path: z.string().min(1).max(1024).describe('file://src/old.ts, or an entry such as known://notes/draft') }),
      summary: ({ path }) => `remove ${path}`,
      handler({ path }, call) {
        if (isFilePath(path)) return fileProposal(requireFiles(call).plan({ op: 'remove', path }));
        return { kind: 'done', body: `${path} is removed.`, removes: [path] };
      },
    });
  },
};
