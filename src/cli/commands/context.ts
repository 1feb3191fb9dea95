import { defined } from '../../core/defined.ts';
import type { ResultOf } from '../../rpc/protocol/table.ts';
import type { Console } from '../console.ts';
import { type ClientOptions, openSession } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { visible, visibleLine } from '../text.ts';
import { count, usageLine } from '../usage-line.ts';

/** Options of `headgate context`. */
export interface ContextOptions extends ClientOptions {
  readonly turn?: number;
  readonly text?: boolean;
  readonly json?: boolean;
}

type TurnContext = ResultOf<'getContext'>;

/** `headgate context`: what the model was sent in a turn, message by message (SPEC {#cli_context}). */
export async function context(console: Console, run: string, options: ContextOptions): Promise<number> {
  const session = await openSession(console, options);
  try {
    const shown = await session.look('getContext', { run, ...defined({ turn: options.turn }) });
    const text = options.json ? `${JSON.stringify(shown, null, console.out.stream.isTTY ? 2 : 0)}\n` : picture(console, shown, options);
    await console.out.write(text);
    return EXIT.ok;
  } finally {
    await session.close();
  }
}

function picture({ outColors: colors }: Console, shown: TurnContext, options: ContextOptions): string {
  const total = shown.pieces.reduce((sum, { tokens }) => sum + tokens, 0);
  const spent = usageLine([shown]);
  const lines = [
    `turn ${shown.turn} of ${shown.run}: ${shown.messages.length} messages, about ${count(total)} tokens${spent ? `; used ${spent}` : ''}`,
  ];
  if (shown.tools.length > 0) lines.push(colors.dim(`tools: ${shown.tools.map(({ name }) => name).join(', ')}`));
  for (const { message, role, tool, calls = [] } of shown.messages) {
    const pieces = shown.pieces.filter((piece) => piece.message === message);
    const tokens = pieces.reduce((sum, piece) => sum + piece.tokens, 0);
    lines.push(`${colors.bold(`${message}. ${role}${tool === undefined ? '' : ` of ${visibleLine(tool)}`}`)}  ${count(tokens)} tokens`);
    for (const piece of pieces) {
      const range = piece.path === null ? 'own words' : `${visibleLine(piece.path)} bytes ${piece.from} to ${piece.to}`;
      lines.push(`   ${piece.form.padEnd(7)}  ${range}`);
      if (options.text && piece.text)
        lines.push(
          ...visible(piece.text)
            .split('\n')
            .map((line) => colors.dim(`      ${line}`)),
        );
    }
    for (const call of calls) lines.push(`   calls    ${visibleLine(`${call.tool} ${JSON.stringify(call.input)}`)}`);
  }
  return `${lines.join('\n')}\n`;
}
