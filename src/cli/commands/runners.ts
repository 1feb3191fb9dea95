import type { Console } from '../console.ts';
import { type ClientOptions, openSession } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { formatTable } from '../table.ts';
import { formatDuration } from '../text.ts';

interface Options extends ClientOptions {
  readonly json?: boolean;
}

/** `headgate runners`: every runner that has registered. */
export async function runners(console: Console, options: Options): Promise<number> {
  const session = await openSession(console, options, { project: false });
  try {
    const rows = await session.call('runner/list', {});
    if (options.json) {
      await console.out.write(`${JSON.stringify(rows)}\n`);
    } else if (rows.length === 0) {
      await console.err.write('no runners; the server runs commands itself, headgate runner --help says how to add one\n');
    } else {
      const columns = [
        { title: 'NAME' },
        { title: 'STATE' },
        { title: 'COMMANDS', right: true },
        { title: 'LABELS' },
        { title: 'BACKENDS' },
        { title: 'OWNER' },
        { title: 'FOR' },
        { title: 'SEEN' },
      ];
      const now = Date.now();
      const cells = rows.map((row) => [
        row.name,
        row.state,
        `${row.live}/${row.capacity}`,
        row.labels.join(',') || '-',
        row.backends.join(','),
        row.owner || '-',
        row.for.join(',') || 'every run',
        `${formatDuration(Math.max(0, now - row.lastSeen))} ago`,
      ]);
      const width = console.out.stream.isTTY ? console.out.stream.columns : undefined;
      await console.out.write(formatTable(columns, cells, width));
    }
    return EXIT.ok;
  } finally {
    await session.close();
  }
}

/** `headgate runner forget`: for a machine that does not come back. */
export async function forget(console: Console, name: string, options: Options): Promise<number> {
  const session = await openSession(console, options, { project: false });
  try {
    const answer = await session.call('runner/forget', { runner: name });
    await console.out.write(options.json ? `${JSON.stringify(answer)}\n` : `${answer.runner} is forgotten\n`);
    return EXIT.ok;
  } finally {
    await session.close();
  }
}

/** `headgate runner drain`: asks; the runner leaves when it has finished what it has. */
export async function drain(console: Console, name: string, options: Options): Promise<number> {
  const session = await openSession(console, options, { project: false });
  try {
    const answer = await session.call('runner/drain', { runner: name });
    const { runner, live } = answer;
    await console.out.write(
      options.json
        ? `${JSON.stringify(answer)}\n`
        : `${runner} takes no more and leaves after ${live} ${live === 1 ? 'command' : 'commands'}\n`,
    );
    return EXIT.ok;
  } finally {
    await session.close();
  }
}
