import { mkdtempSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Params } from '../support/built-server.ts';
import { liveServer } from '../support/live-server.ts';
import { Places } from '../support/places.ts';
import { serviceAvailable } from '../support/require.ts';
import { corpus, type Line } from './differential/corpus.ts';
import { differences, type Outcome } from './differential/outcome.ts';
import { runHere, runInContainer } from './differential/reference.ts';
import { asLine, asWords, runUnderHeadgate } from './differential/under-headgate.ts';

/** How many lines run at a time. */
const AT_ONCE = 8;
const LINES = corpus();
const EVERYWHERE = LINES.filter((line) => line.everywhere);
/** Of all lines in a place together, on a loaded machine (milliseconds). */
const LONG_MS = 300_000;
/** The same everywhere, so that the same programs are found and say the same; with nobody's settings, which bash reads when sshd is about. */
const ENV = { PATH: `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`, LC_ALL: 'C.UTF-8', HOME: '/nonexistent' };
const CONTAINER_ENV = { LC_ALL: 'C.UTF-8' };

let places: Places;

beforeAll(async () => {
  places = await Places.open({ only: ['image', 'exec', 'ssh'] });
}, 60_000);
afterAll(async () => {
  await places?.close();
}, 60_000);
/** Closed before the places are: its commands end in them. */
const live = liveServer();

/** A folder for one line alone. */
function freshFolder(base: string): string {
  return mkdtempSync(join(base, 'line-'));
}

type Runner = (line: Line) => Promise<Outcome>;

/** What a reference has given for a line, for all places that are held against it: it is the same each time. */
const expectedOf = new Map<Runner, Map<Line, Promise<Outcome>>>();

function expectedFrom(reference: Runner, line: Line): Promise<Outcome> {
  const known = expectedOf.get(reference) ?? new Map<Line, Promise<Outcome>>();
  expectedOf.set(reference, known);
  const outcome = known.get(line) ?? reference(line);
  known.set(line, outcome);
  return outcome;
}

/** Runs every line as the params of `sh` say, some at a time, and says of each that differs from its reference how. */
async function expectSame(lines: readonly Line[], reference: Runner, paramsOf: (line: Line) => Params, over: AbortSignal): Promise<void> {
  const waiting = [...lines];
  const wrong: string[] = [];
  const worker = async () => {
    const client = await live.client();
    for (let line = waiting.shift(); line !== undefined && !over.aborted; line = waiting.shift()) {
      const apart = await compare(line, reference, (one) => runUnderHeadgate(paramsOf(one), client));
      if (apart.length > 0) wrong.push([`${line.title} (${line.shell})`, ...indented([line.text, ...apart])].join('\n'));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  expect(wrong.length, `${wrong.length} of ${lines.length} lines differ:\n\n${wrong.join('\n\n')}\n`).toBe(0);
}

/** How what comes of a line differs from its reference, and whether that differs from itself. */
async function compare(line: Line, reference: Runner, candidate: Runner): Promise<string[]> {
  const expected = await expectedFrom(reference, line);
  const apart = await candidate(line).then(
    (found) => differences(expected, found),
    (error: unknown) => [String(error)],
  );
  if (apart.length === 0) return [];
  const again = differences(expected, await reference(line));
  return again.length === 0 ? apart : [...apart, 'and it is not the same twice without Headgate:', ...again];
}

const indented = (texts: readonly string[]) => texts.flatMap((text) => text.split('\n').map((line) => `    ${line}`));

const here: Runner = (line) => runHere(line, freshFolder(live.root), ENV);

describe('{#backend_process} {#stream_completed} what a command line does behind pipes, it does under Headgate', () => {
  const inside = () => relative(live.root, freshFolder(live.root));

  it('is asked of enough lines, each with a title of its own', () => {
    expect(LINES.length).toBeGreaterThanOrEqual(100);
    expect(new Set(LINES.map(({ title }) => title)).size).toBe(LINES.length);
  });

  it('on this machine', { timeout: LONG_MS }, async ({ signal }) => {
    await expectSame(LINES, here, (line) => ({ ...asLine(line), cwd: inside(), env: ENV }), signal);
  });

  it('on this machine, as an array', { timeout: LONG_MS }, async ({ signal }) => {
    const some = EVERYWHERE.filter((_, i) => i % 5 === 0);
    await expectSame(some, here, (line) => ({ ...asWords(line), cwd: inside(), env: ENV }), signal);
  });

  it.skipIf(!serviceAvailable('bwrap'))('{#sandbox} in a sandbox', { timeout: LONG_MS }, async ({ signal }) => {
    const sandbox = { mode: 'workspace', network: false };
    await expectSame(EVERYWHERE, here, (line) => ({ ...asLine(line), cwd: inside(), env: ENV, sandbox }), signal);
  });

  it.skipIf(!serviceAvailable('sshd'))('{#backend_ssh} on a host over SSH', { timeout: LONG_MS }, async ({ signal }) => {
    const there = () => ({ cwd: freshFolder(places.folder), env: ENV, ...places.params('ssh') });
    await expectSame(EVERYWHERE, here, (line) => ({ ...asLine(line), ...there() }), signal);
  });

  describe.skipIf(!serviceAvailable('docker'))('{#backend_container} in containers', () => {
    const lines = EVERYWHERE.filter((line) => !line.here);
    const work = () => freshFolder(join(places.folder, 'work'));
    const there: Runner = (line) => runInContainer(line, work(), CONTAINER_ENV, places.docker.docker.getContainer(places.container));

    it.for(['exec', 'image'] as const)('%s', { timeout: LONG_MS }, async (name, { signal }) => {
      const place = () => ({ cwd: work(), env: CONTAINER_ENV, ...places.params(name) });
      // A container takes long to make.
      const some = name === 'image' ? lines.filter((_, i) => i % 3 > 0) : lines;
      await expectSame(some, there, (line) => ({ ...asLine(line), ...place() }), signal);
    });
  });
});
