import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { defined } from '../../core/defined.ts';
import { messageOf } from '../../core/errors.ts';
import { SYSTEM_PATH } from '../../core/system-path.ts';
import type { Console } from '../console.ts';
import { type ClientOptions, openSession } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import type { CliHost } from '../host.ts';
import { dataFolder } from '../locate.ts';
import { checkUnits } from '../service/check-unit.ts';

interface Check {
  readonly name: string;
  /** `missing` and `bad` make the exit code 1; `note` and `repaired` do not. */
  readonly state: 'ok' | 'missing' | 'note' | 'bad' | 'repaired';
  readonly detail: string;
}

/** The oldest Node that package.json allows. */
const MIN_NODE = [20, 19] as const;

/**
 * `headgate doctor`: whether this machine has what a server needs, whether the data folder is sound, and what to do where
 * it is not (SPEC {#cli_doctor}, {#doctor_repair}).
 */
export async function doctor(
  console: Console,
  host: Pick<CliHost, 'examine' | 'examineBackends'>,
  options: ClientOptions & { readonly json?: boolean; readonly repair?: boolean },
): Promise<number> {
  const data = dataFolder(options.data, console.env);
  const checks: Check[] = [
    node(),
    database(),
    folder(data),
    platform(),
    program('sh', console.env['PATH'], true, 'every command runs under it'),
    program('setsid', console.env['PATH'], false, 'not needed, but handy for commands that are to outlive their producer'),
    holes(data),
    ...checkUnits(console),
    await server(console, options),
    ...((await host.examineBackends?.()) ?? []),
  ];
  // The database of another host's server is not here; data are examined where they lie.
  const report =
    options.url === undefined && options.socket === undefined
      ? await host.examine?.({ data, repair: options.repair === true, version: console.version })
      : undefined;
  checks.push(...(report?.findings ?? []));
  const bad = checks.some(({ state }) => state === 'missing' || state === 'bad');
  if (options.json) {
    await console.out.write(`${JSON.stringify({ ok: !bad, checks, ...defined({ backup: report?.backup }) })}\n`);
  } else {
    const { green, red, yellow } = console.outColors;
    const mark = {
      ok: green('ok      '),
      missing: red('missing '),
      bad: red('bad     '),
      note: yellow('note    '),
      repaired: yellow('repaired'),
    };
    for (const { name, state, detail } of checks) await console.out.write(`${mark[state]}  ${name.padEnd(12)}  ${detail}\n`);
    if (report?.backup !== undefined) await console.out.write(`\nThe database as it was before: ${report.backup}\n`);
  }
  return bad ? EXIT.failed : EXIT.ok;
}

function node(): Check {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const enough = major > MIN_NODE[0] || (major === MIN_NODE[0] && minor >= MIN_NODE[1]);
  const needs = `${MIN_NODE[0]}.${MIN_NODE[1]} or later`;
  return { name: 'node', state: enough ? 'ok' : 'missing', detail: enough ? process.version : `${process.version}; install ${needs}` };
}

function database(): Check {
  try {
    // Loaded by hand: only a database that opens here tells that the native part fits this Node.
    const Database = createRequire(import.meta.url)('better-sqlite3') as new (
      file: string,
    ) => {
      prepare(sql: string): { get(): unknown };
      close(): void;
    };
    const db = new Database(':memory:');
    const row = db.prepare('select sqlite_version() as version').get() as { version: string };
    db.close();
    return { name: 'sqlite', state: 'ok', detail: row.version };
  } catch (error) {
    return {
      name: 'sqlite',
      state: 'missing',
      detail: `${messageOf(error).split('\n')[0] ?? ''}; run npm ci (it needs python3, make and g++)`,
    };
  }
}

function folder(data: string): Check {
  try {
    const nearest = nearestFolder(data);
    accessSync(nearest, constants.R_OK | constants.W_OK | constants.X_OK);
    // Permission bits do not tell of a read-only or full file system; a folder made and removed does.
    rmSync(mkdtempSync(join(nearest, '.headgate-doctor-')), { recursive: true });
    return { name: 'data folder', state: 'ok', detail: nearest === data ? data : `${data} (made by headgate serve)` };
  } catch (error) {
    return {
      name: 'data folder',
      state: 'missing',
      detail: `${data} cannot be written (${messageOf(error)}); choose another with --data or HEADGATE_DATA`,
    };
  }
}

/** Tries what a server does with stored output; it goes on without. */
function holes(data: string): Check {
  let place: string | undefined;
  try {
    place = mkdtempSync(join(nearestFolder(data), '.headgate-doctor-'));
    const file = join(place, 'file');
    writeFileSync(file, Buffer.alloc(64 * 1024, 'x'));
    const { status, stderr, error } = spawnSync('fallocate', ['--punch-hole', '--keep-size', '--length', '65536', file], {
      encoding: 'utf8',
      // As the server looks for it.
      env: { PATH: SYSTEM_PATH, LC_ALL: 'C' },
    });
    if (status === 0) return { name: 'fallocate', state: 'ok', detail: 'stored output is given back to the disk while a command runs' };
    const why = error ? 'install util-linux' : stderr.trim();
    return {
      name: 'fallocate',
      state: 'note',
      detail: `stored output stays in the spool until its command ends: fallocate does not work here (${why})`,
    };
  } catch (error) {
    return { name: 'fallocate', state: 'note', detail: `not tried: ${messageOf(error)}` };
  } finally {
    if (place !== undefined) rmSync(place, { recursive: true, force: true });
  }
}

function nearestFolder(data: string): string {
  let nearest = data;
  while (!existsSync(nearest)) nearest = dirname(nearest);
  return nearest;
}

function platform(): Check {
  const proc = existsSync('/proc/self/stat');
  const detail = proc
    ? '/proc is there: whole process trees can be followed and ended'
    : 'no /proc: Headgate follows process trees through it and runs on Linux';
  return { name: 'processes', state: proc ? 'ok' : 'missing', detail };
}

function program(name: string, path: string | undefined, needed: boolean, why: string): Check {
  for (const folder of (path ?? '').split(delimiter)) {
    const file = join(folder || '.', name);
    try {
      accessSync(file, constants.X_OK);
      return { name, state: 'ok', detail: file };
    } catch {
      // Not in this folder.
    }
  }
  return { name, state: needed ? 'missing' : 'note', detail: `not found in PATH; ${why}` };
}

async function server(console: Console, options: ClientOptions): Promise<Check> {
  try {
    const session = await openSession(console, options, { project: false });
    try {
      await session.call('ping', {});
      return { name: 'server', state: 'ok', detail: 'answers' };
    } finally {
      await session.close();
    }
  } catch (error) {
    return { name: 'server', state: 'note', detail: messageOf(error) };
  }
}
