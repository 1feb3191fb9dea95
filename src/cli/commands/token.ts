import type { ParamsOf } from '../../rpc/protocol/table.ts';
import type { Console } from '../console.ts';
import { type ClientOptions, openSession } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { formatTable } from '../table.ts';
import { formatDuration } from '../text.ts';

interface Options extends ClientOptions {
  readonly json?: boolean;
}

/** `headgate token add`: the token alone goes to standard output, so that it can go straight into a file. */
export async function add(console: Console, token: ParamsOf<'token/add'>, options: Options): Promise<number> {
  const session = await openSession(console, options, { project: false });
  try {
    const made = await session.call('token/add', token);
    await console.out.write(options.json ? `${JSON.stringify(made)}\n` : `${made.token}\n`);
    if (!options.json) await console.err.write(`headgate: token ${made.name} has scope ${made.scope}; it is shown this once\n`);
    return EXIT.ok;
  } finally {
    await session.close();
  }
}

/** `headgate token list`. */
export async function list(console: Console, options: Options): Promise<number> {
  const session = await openSession(console, options, { project: false });
  try {
    const rows = await session.call('token/list', {});
    if (options.json) {
      await console.out.write(`${JSON.stringify(rows)}\n`);
    } else if (rows.length === 0) {
      await console.err.write("no tokens but the data folder's own; headgate token add --help says how to make one\n");
    } else {
      const now = Date.now();
      const cells = rows.map(({ name, scope, createdAt, projects, ownRuns, expiresAt, lastUsedAt }) => [
        name,
        scope,
        `${formatDuration(Math.max(0, now - createdAt))} ago`,
        `${projects?.join(', ') ?? 'every project'}${ownRuns ? ', its own runs' : ''}`,
        expiresIn(expiresAt, now),
        lastUsedAt === null ? 'never' : `${formatDuration(Math.max(0, now - lastUsedAt))} ago`,
      ]);
      const width = console.out.stream.isTTY ? console.out.stream.columns : undefined;
      await console.out.write(
        formatTable(
          ['NAME', 'SCOPE', 'MADE', 'BOUND TO', 'EXPIRES', 'LAST USED'].map((title) => ({ title })),
          cells,
          width,
        ),
      );
    }
    return EXIT.ok;
  } finally {
    await session.close();
  }
}

/** `headgate token revoke`: its connections are closed. */
export async function revoke(console: Console, name: string, options: Options): Promise<number> {
  const session = await openSession(console, options, { project: false });
  try {
    const answer = await session.call('token/revoke', { name });
    const { connections } = answer;
    const ended = `${connections} ${connections === 1 ? 'connection' : 'connections'} ended`;
    await console.out.write(options.json ? `${JSON.stringify(answer)}\n` : `token ${answer.name} is revoked; ${ended}\n`);
    return EXIT.ok;
  } finally {
    await session.close();
  }
}

function expiresIn(at: number | null, now: number): string {
  if (at === null) return 'never';
  return at > now ? `in ${formatDuration(at - now)}` : 'has expired';
}
