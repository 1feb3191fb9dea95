import { fileProposal, isFilePath, requireFiles } from '../../hooks/file-proposal.ts';
import type { Plugin, ToolCallContext, ToolOutcome } from '../../hooks/plugin.ts';
import type { EntryAccess } from '../../hooks/views.ts';

/** Bytes of a channel that are copied as a text. */
const MAX_BYTES = 2 * 1024 * 1024;

const DOC = `Copies a file, an entry, or a channel of a command's output to a path that is not taken. A copy to \`file://\` is made once a person or a policy has
accepted it.

\`\`\`json
{"path": "file://config.example.json", "to": "file://config.json"}
\`\`\`

\`\`\`json
{"path": "sh://turn_1/npm-test_1", "to": "known://test-output"}
\`\`\`
`;

/** The tool `cp`. */
export const cp: Plugin = {
  name: 'cp',
  setup({ tool, z }) {
    const path = z.string().min(1).max(1024);
    tool({
      name: 'cp',
      doc: DOC,
      traits: ['writes'],
      params: z.strictObject({ path: path.describe('What is there.'), to: path.describe('Path of the copy; nothing is there yet.') }),
      summary: ({ path, to }) => `copy ${path} to ${to}`,
      handler({ path, to }, call) {
        if (isFilePath(path) && isFilePath(to)) return fileProposal(requireFiles(call).plan({ op: 'copy', path, to }));
        const text = isFilePath(path) ? requireFiles(call).text(path) : textOf(call.entries, path);
        if (typeof text === 'object') return text;
        if (text === undefined)
          return { kind: 'refused', status: 404, body: `There is no ${path}. A path that ends with / lists what is below it.` };
        return isFilePath(to) ? toFile(to, text, call) : toEntry(path, to, text, call);
      },
    });
  },
};

function toFile(to: string, text: string, call: ToolCallContext): ToolOutcome {
  const files = requireFiles(call);
  return files.kindOf(to) === 'none' ? fileProposal(files.plan({ op: 'write', path: to, text })) : taken(to);
}

function toEntry(path: string, to: string, body: string, { entries }: ToolCallContext): ToolOutcome {
  if (entries.get(to)) return taken(to);
  const writes = [{ path: to, body, attributes: { copied_from: path }, create: true }];
  return { kind: 'done', body: `${to} holds ${Buffer.byteLength(body)} bytes now.`, writes };
}

/** The text of an entry, of a channel what is stored now; a refusal for bytes that are no text, or too many. */
function textOf(entries: EntryAccess, path: string): string | ToolOutcome | undefined {
  const channel = entries.channel(path);
  if (!channel) return entries.get(path)?.body;
  if (channel.bytes > MAX_BYTES) {
    const body = `${path} has ${channel.bytes} bytes; a copy takes ${MAX_BYTES} at most. Let a command write its output to a file.`;
    return { kind: 'refused', status: 413, body };
  }
  const pages: Buffer[] = [];
  for (let at = 0; at < channel.bytes; ) {
    const page = channel.read(at, channel.bytes - at);
    if (page.length === 0) break;
    pages.push(page);
    at += page.length;
  }
  const bytes = Buffer.concat(pages);
  const text = bytes.toString('utf8');
  if (Buffer.from(text).equals(bytes)) return text;
  return { kind: 'refused', status: 501, body: `${path} holds bytes that are no text. Let a command write its output to a file.` };
}

function taken(path: string): ToolOutcome {
  return { kind: 'refused', status: 409, outcome: 'conflict', body: `${path} is there already. Remove it first, or take another path.` };
}
