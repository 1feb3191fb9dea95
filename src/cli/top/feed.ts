import { messageOf } from '../../core/errors.ts';
import { type Need, needsOf, type Runtime } from '../../rpc/client/index.ts';
import type { ResultOf } from '../../rpc/protocol/table.ts';
import { type Usage, UsageMeter } from './usage.ts';

/** Runs of a project that are looked at, newest first: those beside them are over. */
const RUNS = 50;
const BUSY: ReadonlySet<number> = new Set([100, 102, 202]);

type Command = ResultOf<'stream/list'>[number];

/** A command that runs. */
export interface TopCommand extends Command {
  readonly project: string;
  /** Undefined where it runs elsewhere, or nothing is known of it. */
  readonly usage: Usage | undefined;
  /** Bytes of output a second since the last look. */
  readonly rate: number;
}

/** Everything that is shown, of all projects. */
export interface TopPicture {
  readonly projects: number;
  readonly busyRuns: number;
  /** Oldest first. */
  readonly needs: readonly Need[];
  /** Those that use most first. */
  readonly commands: readonly TopCommand[];
  readonly runners: ResultOf<'runner/list'>;
  /** Projects that cannot be looked at, with why. */
  readonly problems: readonly string[];
}

/** A project and the connection that is bound to it. */
interface Bound {
  readonly name: string;
  readonly session: Runtime;
}

export interface TopFeedOptions {
  /** Connected to no project. */
  readonly session: Runtime;
  readonly open: (project: { name: string; root: string }) => Promise<Runtime>;
  /** The commands of the server's own runner run on this machine. */
  readonly isLocal: boolean;
}

/** Looks at all projects of a server, each over a connection of its own (SPEC {#cli_top}). */
export class TopFeed {
  readonly #o: TopFeedOptions;
  readonly #bound = new Map<string, Bound>();
  readonly #meter = new UsageMeter();
  #bytes = new Map<string, number>();
  #at = 0;

  constructor(options: TopFeedOptions) {
    this.#o = options;
  }

  /** The connection of a project that was in the last picture. */
  session(project: string): Runtime | undefined {
    return [...this.#bound.values()].find(({ name }) => name === project)?.session;
  }

  /** One look at everything. Throws when the server is gone. */
  async look(): Promise<TopPicture> {
    const known = await this.#o.session.look('getProjects', {});
    const problems: string[] = [];
    for (const { name, projectRoot } of known) {
      if (this.#bound.has(projectRoot)) continue;
      try {
        this.#bound.set(projectRoot, { name, session: await this.#o.open({ name, root: projectRoot }) });
      } catch (error) {
        problems.push(`${name}: ${messageOf(error)}`);
      }
    }
    const [runners, parts] = await Promise.all([
      this.#o.session.look('runner/list', {}),
      Promise.all([...this.#bound.values()].map(readProject)),
    ]);
    const now = performance.now();
    const rows = parts.flatMap(({ name, commands }) => commands.map((command) => ({ project: name, ...command })));
    const usage = this.#o.isLocal ? this.#meter.look(rows.flatMap(pidOf), now) : undefined;
    const seconds = this.#at === 0 ? 0 : (now - this.#at) / 1000;
    const before = this.#bytes;
    this.#at = now;
    this.#bytes = new Map(rows.map((row) => [keyOf(row), bytesOf(row)]));
    const commands = rows.map((row): TopCommand => {
      const was = before.get(keyOf(row));
      const rate = seconds === 0 || was === undefined ? 0 : Math.max(0, (bytesOf(row) - was) / seconds);
      return { ...row, rate, usage: pidOf(row).map((pid) => usage?.get(pid))[0] };
    });
    const wall = Date.now();
    return {
      projects: known.length,
      busyRuns: parts.reduce((sum, { runs }) => sum + runs.filter(({ status }) => BUSY.has(status)).length, 0),
      needs: parts.flatMap(({ name, ...part }) => needsOf(name, part, wall)).sort((a, b) => a.since - b.since),
      commands: commands.sort(byUse),
      runners,
      problems,
    };
  }

  /** Ends every connection but the first one, which belongs to the caller. */
  async close(): Promise<void> {
    await Promise.all([...this.#bound.values()].map(({ session }) => session.close()));
  }
}

async function readProject({ name, session }: Bound) {
  const [commands, proposals, runs] = await Promise.all([
    session.look('stream/list', { state: 'open' }),
    session.look('getProposals', {}),
    session.look('getRuns', { limit: RUNS }),
  ]);
  return { name, commands, proposals, runs };
}

/** By whole percents, so that what is idle keeps its place. */
function byUse(a: TopCommand, b: TopCommand): number {
  return percentOf(b) - percentOf(a) || b.ageMs - a.ageMs;
}

function percentOf({ usage }: TopCommand): number {
  return Math.round((usage?.cpu ?? 0) * 100);
}

/** The process of this machine that leads a command, if one does. */
function pidOf({ pid, runner, backend }: Command): number[] {
  return pid === null || runner !== 'embedded' || (backend !== 'process' && backend !== 'pty') ? [] : [pid];
}

function keyOf({ project, run, path }: { project: string; run: string; path: string }): string {
  return `${project}\0${run}\0${path}`;
}

function bytesOf({ channels }: Command): number {
  return channels.reduce((sum, { bytes }) => sum + bytes, 0);
}
