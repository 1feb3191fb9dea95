import { openAttachView } from '../attach/open.ts';
import type { Console } from '../console.ts';
import { type ClientOptions, openSession } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { isOfThisMachine, locate } from '../locate.ts';
import { TopFeed } from '../top/feed.ts';
import { summaryText, topRows } from '../top/rows.ts';
import { TopView } from '../top/top-view.ts';
import { isInteractive } from './prompt.ts';

/** Columns of a row that is not cut for a terminal. */
const PLAIN_COLUMNS = 200;

/** `headgate top`: what runs and what waits for somebody in all projects, live on a terminal and once elsewhere (SPEC {#cli_top}). */
export async function top(console: Console, options: ClientOptions): Promise<number> {
  const isLive = isInteractive(console) && console.out.stream.isTTY === true && console.env['TERM'] !== 'dumb';
  const how = isLive ? { resume: () => {} } : {};
  const session = await openSession(console, options, { ...how, project: false, start: true });
  const feed = new TopFeed({
    session,
    open: (project) => openSession(console, options, { ...how, project }),
    isLocal: isOfThisMachine(locate(options, console.env)),
  });
  try {
    if (!isLive) return await once(console, feed);
    for (;;) {
      const end = await new TopView(console, feed).show();
      if ('code' in end) return end.code;
      const root = (await session.look('getProjects', {})).find(({ name }) => name === end.project)?.projectRoot;
      if (root !== undefined) await openAttachView(console, end.run, options, { name: end.project, root });
    }
  } finally {
    await feed.close();
    await session.close();
  }
}

async function once(console: Console, feed: TopFeed): Promise<number> {
  const picture = await feed.look();
  const lines = topRows(picture, PLAIN_COLUMNS, Date.now()).map(({ row }) =>
    row
      .map(({ text }) => text)
      .join('')
      .trimEnd(),
  );
  await console.out.write(`${[summaryText(picture), ...lines].join('\n')}\n`);
  return EXIT.ok;
}
