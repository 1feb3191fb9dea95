import { defined } from '../../core/defined.ts';
import { endWord } from '../../rpc/client/index.ts';
import type { ResultOf } from '../../rpc/protocol/table.ts';
import { type ProjectsOptions, rowsOf } from '../all-projects.ts';
import type { Console } from '../console.ts';
import type { CliHost } from '../host.ts';
import { type ListOptions, printListing, withSession } from '../listing.ts';
import { listOutlived } from '../outlived.ts';
import { commandsOf } from '../short-path.ts';
import type { Column } from '../table.ts';
import { formatBytes, formatDuration, formatStatus, visibleLine } from '../text.ts';

type Row = ResultOf<'stream/list'>[number];

/** Rows that the server lists at most (SPEC {#producer_list}). */
const MOST_ROWS = 1000;

/** `headgate runs`: the project's runs, newest first. */
export async function runs(console: Console, options: ProjectsOptions & { readonly limit: number }): Promise<number> {
  const read = await rowsOf(console, options, (session) => session.look('getRuns', { limit: options.limit }));
  const rows = options.allProjects ? read.toSorted((a, b) => b.updatedAt - a.updatedAt).slice(0, options.limit) : read;
  const now = Date.now();
  return await printListing(console, options, rows, {
    columns: [
      ...projectColumn(options),
      { title: 'RUN', whole: true },
      { title: 'STATUS' },
      { title: 'OUTCOME' },
      { title: 'MODEL' },
      { title: 'TURN', right: true },
      { title: 'CHANGED' },
      { title: 'TITLE' },
    ],
    cells: rows.map((run) => [
      ...projectCell(run),
      run.run,
      formatStatus(run.status),
      run.outcome ?? '-',
      run.agent ?? run.model,
      String(run.turn),
      `${formatDuration(now - run.updatedAt)} ago`,
      visibleLine(run.title ?? '-'),
    ]),
    empty: 'no runs in this project; start one with: headgate act "what to do"',
  });
}

function projectColumn({ allProjects }: ProjectsOptions): Column[] {
  return allProjects ? [{ title: 'PROJECT', whole: true }] : [];
}

function projectCell({ project }: { readonly project?: string }): string[] {
  return project === undefined ? [] : [project];
}

/** `headgate projects`: what the server has, in the order in which they were first opened. */
export async function projects(console: Console, options: ListOptions): Promise<number> {
  const rows = await withSession(console, options, (session) => session.look('getProjects', {}), { project: false });
  return await printListing(console, options, rows, {
    columns: [{ title: 'PROJECT', whole: true }, { title: 'FOLDER' }],
    cells: rows.map(({ name, projectRoot }) => [name, projectRoot]),
    empty: 'no projects; a command in a folder makes one: headgate act "what to do"',
  });
}

/** `headgate agents`: the agents of others that the configuration names (SPEC {#agents}). */
export async function agents(console: Console, options: ListOptions): Promise<number> {
  return await withSession(console, options, async (session) => {
    const rows = await session.look('agent/list', {});
    return await printListing(console, options, rows, {
      columns: [{ title: 'AGENT', whole: true }, { title: 'INSTALLED' }, { title: 'COMMAND' }],
      cells: rows.map(({ agent, installed, command }) => [agent, installed ? 'yes' : 'no', command]),
      empty: 'no agents; name them under agents in the file of headgate serve --config',
    });
  });
}

type PsOptions = ProjectsOptions & { readonly run?: string; readonly all?: boolean };

/** `headgate ps`: the project's live producers with what others have left running, or all of them; without a server what goes on without one. */
export async function ps(console: Console, host: Pick<CliHost, 'outlived'>, options: PsOptions): Promise<number> {
  return await served(console, options).catch((error: unknown) => listOutlived(console, host, options, error));
}

async function served(console: Console, options: PsOptions): Promise<number> {
  const numbers = new Map<string, number>();
  const rows = await rowsOf(console, options, async (session) => {
    if (options.run !== undefined)
      for (const [index, { path }] of (await commandsOf(session, options.run)).entries()) numbers.set(path, index + 1);
    return await session.look('stream/list', { ...defined({ run: options.run }), ...(options.all ? {} : { state: 'open' }) });
  });
  // Of one run the numbers that commands take in place of a path.
  const numbered = options.run !== undefined && !options.allProjects;
  if (rows.length === MOST_ROWS)
    await console.err.write(`headgate: the newest ${MOST_ROWS} commands; those of a run: headgate ps --all --run RUN\n`);
  // Only where it says something: most commands are processes.
  const elsewhere = rows.some(({ backend }) => backend !== 'process');
  return await printListing(console, options, rows, {
    columns: [
      ...projectColumn(options),
      ...(numbered ? [{ title: '#', right: true }] : []),
      { title: 'RUN', whole: true },
      { title: 'PATH', whole: true },
      { title: 'STATE' },
      ...(elsewhere ? [{ title: 'BACKEND' }] : []),
      { title: 'PID', right: true },
      { title: 'AGE', right: true },
      { title: 'OUTPUT', right: true },
      { title: 'COMMAND' },
    ],
    cells: rows.map((row) => [
      ...projectCell(row),
      ...(numbered ? [String(numbers.get(row.path) ?? '-')] : []),
      row.run,
      row.path,
      stateWord(row),
      ...(elsewhere ? [row.backend] : []),
      isLeft(row) ? row.leftover.processes.join(' ') || '-' : row.pid === null ? '-' : String(row.pid),
      formatDuration(row.ageMs),
      formatBytes(row.channels.reduce((sum, { bytes }) => sum + bytes, 0)),
      [row.command, ...notesOf(row)].join('  '),
    ]),
    empty: options.all ? 'no commands in this project' : 'no command runs; headgate ps --all shows those that have ended',
  });
}

/** True for a command that has ended while others of its processes run on. */
function isLeft(row: Row): row is Row & { leftover: NonNullable<Row['leftover']> } {
  return row.leftover !== null && row.leftover.goneAt === null;
}

function stateWord(row: Row): string {
  if (isLeft(row)) return 'leftover';
  return row.state === 'ended' ? endWord(row) : row.state;
}

/** What there is to say of a command beside its line. */
function notesOf(row: Row): string[] {
  const notes = row.waitsFor === null ? [] : [`(waits for ${row.waitsFor})`];
  if (!isLeft(row)) return notes;
  const { bytes, limit } = row.leftover;
  return [...notes, `(has ended; ${formatBytes(bytes)} since${limit === null ? '' : `, over its limit of ${limit}`})`];
}

/** `headgate models`: what runs can name. */
export async function models(console: Console, options: ListOptions): Promise<number> {
  return await withSession(console, options, async (session) => {
    const rows = await session.look('getModels', {});
    return await printListing(console, options, rows, {
      columns: [
        { title: 'MODEL', whole: true },
        { title: 'PROVIDER' },
        { title: 'ACTUAL' },
        { title: 'CONTEXT', right: true },
        { title: 'CALLS' },
        { title: 'PRICE IN/OUT' },
      ],
      cells: rows.map(({ alias, provider, actual, contextLength, dialect, price }) => [
        alias,
        provider,
        actual,
        contextLength === null ? '-' : String(contextLength),
        dialect,
        price === null ? '-' : `${price.input}/${price.output}`,
      ]),
      empty: 'no models; headgate models add --help says how to add one',
    });
  });
}

/** `headgate skills`: those that there are, or those that a run has. */
export async function skills(console: Console, run: string | undefined, options: ListOptions): Promise<number> {
  return await withSession(console, options, async (session) => {
    if (run !== undefined) {
      const rows = await session.look('getSkills', { run });
      return await printListing(console, options, rows, {
        columns: [
          { title: 'SKILL', whole: true },
          { title: 'TURN', right: true },
          { title: 'SIZE', right: true },
          { title: 'DESCRIPTION' },
        ],
        cells: rows.map(({ name, turn, bytes, description }) => [name, String(turn), formatBytes(bytes), description]),
        empty: `${run} has no skills; headgate skills lists those that there are`,
      });
    }
    const rows = await session.look('listSkills', {});
    return await printListing(console, options, rows, {
      columns: [{ title: 'SKILL', whole: true }, { title: 'FROM' }, { title: 'DESCRIPTION' }],
      cells: rows.map(({ name, source, description, problem }) => [name, source, problem ? `cannot be used: ${problem}` : description]),
      empty: 'no skills in this project',
    });
  });
}
