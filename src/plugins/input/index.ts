import { HeadgateError } from '../../core/errors.ts';
import type { CommandAccess, CommandView } from '../../hooks/commands.ts';
import type { Plugin, SettledOutcome } from '../../hooks/plugin.ts';
import { bytesOf, KEYS, shownText } from './keys.ts';

const MAX_TEXT_CHARS = 64 * 1024;

const DOC = `Types into a command that you started, that runs in the background and has stdin or a terminal. A person accepts it first, as they accept a
command: what is typed into a shell is run by it.

- \`text\` is typed as it is; a line ends with \`\\n\`.
- \`keys\` come after the text: ${KEYS.join(', ')}.
- \`eof\`: true ends the input.

Never type a password: ask the user to do that.

\`\`\`json
{"path": "log://turn_1/sh/npm-init", "text": "yes\\n"}
\`\`\`

\`\`\`json
{"path": "log://turn_1/sh/menu", "keys": ["down", "enter"]}
\`\`\`
`;

/** The tool `input` (SPEC {#tool_input}). */
export const input: Plugin = {
  name: 'input',
  setup({ tool, z }) {
    const params = z.strictObject({
      path: z.string().min(1).max(512).describe("The command's log entry."),
      text: z.string().max(MAX_TEXT_CHARS).optional().describe('Typed as it is.'),
      keys: z.array(z.enum(KEYS)).max(100).optional().describe('Pressed after the text.'),
      eof: z.boolean().optional().describe('True: the input ends after that.'),
    });
    tool({
      name: 'input',
      doc: DOC,
      modes: ['act'],
      traits: ['proposes'],
      params,
      summary: (call) => `type ${shownText(call)} into ${call.path}`,
      handler(call, { commands }) {
        if (!call.text && !call.keys?.length && !call.eof)
          return { kind: 'refused', status: 422, body: 'Give text, keys or eof: there is nothing to type.' };
        const view = typable(commands, call.path);
        const shown = shownText(call);
        return {
          kind: 'proposal',
          summary: `type ${shown} into $ ${firstLine(view.command)}`,
          subject: `${view.command} < ${call.text ?? ''}`,
          attributes: { command: `${call.path} < ${shown}` },
        };
      },
      async accepted(call, { commands }) {
        const view = typable(commands, call.path);
        const bytes = bytesOf(call, view.terminal);
        return typed(call.path, bytes.length, await commands.input(call.path, bytes, call.eof ?? false), call.eof ?? false);
      },
    });
  },
};

/** A command that takes what a model types. Throws a HeadgateError that says why not. */
function typable(commands: CommandAccess, path: string): CommandView {
  const view = commands.view(path);
  if (!view.own) throw new HeadgateError('forbidden', `${path} is a command of a user; ask the user to type into it`, { path });
  if (!view.live) throw new HeadgateError('conflict', `${path} has ended: ${view.end ?? 'see its log entry'}`, { path });
  if (view.stdin) return view;
  throw new HeadgateError('unsupported', `${path} was started without stdin; cancel it, and start it again with stdin: true`, { path });
}

function typed(path: string, wanted: number, taken: number, eof: boolean): SettledOutcome {
  const then = `wait {"path": ${JSON.stringify(path)}} says what it makes of it.`;
  if (taken === wanted) return { kind: 'done', body: `Typed ${wanted} bytes into ${path}${eof ? ' and ended its input' : ''}. ${then}` };
  const body = `${path} took only ${taken} of ${wanted} bytes: it has not read the rest for two seconds${eof ? ', so its input was not ended' : ''}. ${then}`;
  return { kind: 'failed', outcome: 'not_taken', body };
}

function firstLine(command: string): string {
  const line = command.trim().split('\n', 1)[0] ?? '';
  return line.length > 120 ? `${line.slice(0, 120)}...` : line;
}
