import type { ParamsOf, ResultOf } from '../../rpc/protocol/table.ts';
import type { Console } from '../console.ts';
import { type ClientOptions, openSession } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { formatTable } from '../table.ts';
import { formatDuration, visibleLine } from '../text.ts';

interface Options extends ClientOptions {
  readonly json?: boolean;
}

/** The tools whose subject is a shell command. */
const COMMAND_TOOLS = ['sh', 'env'];

type Rule = ResultOf<'policy/add'>;

/** `headgate policy list`. */
export async function list(console: Console, options: Options & { removed?: boolean }): Promise<number> {
  const session = await openSession(console, options);
  try {
    const answer = await session.call('policy/list', options.removed ? { removed: true } : {});
    if (options.json) {
      await console.out.write(`${JSON.stringify(answer)}\n`);
    } else if (answer.rules.length === 0) {
      await console.err.write(
        `no rules: ${answer.readOnly ? 'what only looks is allowed to the tools sh and env, the rest is asked' : 'everything is asked'}\n`,
      );
    } else {
      const columns = [{ title: 'ID', right: true }, { title: 'DECISION' }, { title: 'FROM' }, { title: 'RULE' }];
      const width = console.out.stream.isTTY ? console.out.stream.columns : undefined;
      await console.out.write(formatTable(columns, answer.rules.map(row), width));
    }
    return EXIT.ok;
  } finally {
    await session.close();
  }
}

/** `headgate policy add`. */
export async function add(console: Console, rule: ParamsOf<'policy/add'>, options: Options): Promise<number> {
  return await changed(console, options, 'added', (session) => session.call('policy/add', rule));
}

/** `headgate policy remove`. */
export async function remove(console: Console, id: number, options: Options): Promise<number> {
  return await changed(console, options, 'removed', (session) => session.call('policy/remove', { id }));
}

/** `headgate policy check`: what would become of a command, and why; it runs nothing. */
export async function check(console: Console, command: string, options: Options & { tool: string }): Promise<number> {
  const session = await openSession(console, options);
  try {
    const { tool } = options;
    const what = COMMAND_TOOLS.includes(tool) ? { command } : { subjects: [command] };
    const answer = await session.call('policy/check', { tool, ...what });
    if (options.json) {
      await console.out.write(`${JSON.stringify(answer)}\n`);
      return EXIT.ok;
    }
    // The list of what only looks is that of `env`: without a word of it, this would say otherwise than `policy list`.
    const env = tool === 'sh' && answer.decision === 'ask' ? await session.call('policy/check', { tool: 'env', command }) : undefined;
    const lines = [
      `${answer.decision}: ${visibleLine(answer.reason)}`,
      ...answer.commands.map(({ text, decision, rule, reason }) => `  ${decision}  ${visibleLine(text)}  (${visibleLine(rule ?? reason)})`),
      ...answer.remember.map((rule) => `  to allow it: headgate policy add allow ${visibleLine(quoted(rule))}`),
      ...(env?.by === 'default' && env.decision === 'allow' ? ['  the tool env may, since it only looks (--tool env)'] : []),
    ];
    await console.out.write(`${lines.join('\n')}\n`);
    return EXIT.ok;
  } finally {
    await session.close();
  }
}

async function changed(
  console: Console,
  options: Options,
  what: 'added' | 'removed',
  call: (session: Awaited<ReturnType<typeof openSession>>) => Promise<Rule>,
): Promise<number> {
  const session = await openSession(console, options);
  try {
    const rule = await call(session);
    await console.out.write(
      options.json ? `${JSON.stringify(rule)}\n` : `${what} rule ${rule.id ?? ''}: ${rule.decision} ${visibleLine(rule.rule)}\n`,
    );
    return EXIT.ok;
  } finally {
    await session.close();
  }
}

function row({ id, source, decision, rule, by, at, removedBy }: Rule): string[] {
  const age = at === undefined ? '' : `, ${formatDuration(Math.max(0, Date.now() - at))} ago`;
  const gone = removedBy === undefined ? '' : `, removed by ${removedBy}`;
  return [id === undefined ? '-' : String(id), decision, source === 'config' ? 'configuration' : `${by ?? ''}${age}${gone}`, rule];
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
