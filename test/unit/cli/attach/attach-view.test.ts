import { afterEach, describe, expect, it } from 'vitest';
import { deferred } from '../../../../src/core/deferred.ts';
import { HeadgateError } from '../../../../src/core/errors.ts';
import { Attached, MadeRun } from '../../../support/attached.ts';

const somebody: Attached[] = [];
afterEach(async () => {
  for (const one of somebody.splice(0)) await one.leave();
});
function attached(run: MadeRun, newMs?: number): Attached {
  const one = new Attached(run, newMs);
  somebody.push(one);
  return one;
}
/** What was typed, and into what. */
const typed = (run: MadeRun) =>
  run.calls
    .filter(({ method }) => method === 'stream/input')
    .map(({ params }) => [params['path'], Buffer.from(String(params['chunk']), 'base64').toString()]);

describe('{#attach_keys} typing', () => {
  it('goes on into the same command, which stays selected, while another one starts', async () => {
    const run = new MadeRun();
    const a = run.command('first', 102);
    const person = attached(run);
    await person.sees(/^> \$ first /m);
    person.press('i');
    await person.sees(/^input for first:/m);
    person.press('one');
    run.propose('second');
    run.start('second');
    await person.sees(/^ {2}\$ second /m);
    person.press('\r');
    await expect.poll(() => typed(run)).toEqual([[a, 'one\n']]);
    await person.sees(/^input for first:$/m);
    person.press('two\r');
    await expect.poll(() => typed(run)).toHaveLength(2);
    expect(typed(run)[1]).toEqual([a, 'two\n']);
    await person.sees(/^> \$ first /m);
    // The newest is selected again once nothing is typed.
    person.press('\u0007');
    await person.sees(/^> \$ second /m);
  });

  it('sends nothing to another command when the one that is typed into has ended', async () => {
    const run = new MadeRun();
    run.command('first', 102);
    run.command('other', 102);
    const person = attached(run);
    await person.sees(/^> \$ other /m);
    person.press('i');
    await person.sees(/^input for other:/m);
    run.end('other');
    await person.sees(/exit 0/);
    person.press('line\r');
    await person.sees(/the command has ended; nothing was sent/);
    expect(typed(run)).toEqual([]);
  });

  it('keeps the terminal in sight that keys go to while something is proposed', async () => {
    const run = new MadeRun();
    const shell = run.command('sh -i', 102, { plan: { spec: { tty: { cols: 80, rows: 24 } } } });
    const person = attached(run);
    await person.sees(/^> \$ sh -i /m);
    person.press('i');
    await person.sees(/keys go to the command/);
    run.propose('rm -rf x');
    await person.sees(/^ {2}\? rm -rf x /m);
    person.press('a');
    await expect.poll(() => typed(run)).toEqual([[shell, 'a']]);
    await person.sees(/^> \$ sh -i /m);
    person.press('\u001d');
    await person.sees(/^> \? rm -rf x /m);
  });
});

describe('{#attach_keys} {#stdin} what is typed', () => {
  const terminal = { plan: { spec: { tty: { cols: 80, rows: 24 } } } };

  it('into a terminal is dropped while the connection is lost, with what waits behind a key that did not arrive', async () => {
    const run = new MadeRun();
    const shell = run.command('sh -i', 102, terminal);
    const person = attached(run);
    await person.sees(/^> \$ sh -i /m);
    person.press('i');
    await person.sees(/keys go to the command/);
    const lost = deferred<unknown>();
    run.answers['stream/input'] = () => lost.promise;
    person.press('rm');
    await expect.poll(() => typed(run)).toEqual([[shell, 'r']]);
    person.view.connection('the connection is lost');
    delete run.answers['stream/input'];
    lost.reject(new Error('the connection was lost before the answer'));
    await person.sees(/the connection is lost/);
    person.press('x');
    person.view.connection('');
    await person.sees(/not sent, since what was typed before it did not arrive/);
    person.press('y');
    await expect.poll(() => typed(run)).toHaveLength(2);
    expect(typed(run)[1]).toEqual([shell, 'y']);
  });

  it('as a line is sent on as the command reads, and what a command that does not read took is said', async () => {
    const run = new MadeRun();
    const path = run.command('reader', 102);
    const person = attached(run);
    await person.sees(/^> \$ reader /m);
    person.press('i');
    await person.sees(/^input for reader:/m);
    const takes = [5, 3, 0];
    run.answers['stream/input'] = () => ({ status: 'ok', bytes: takes.shift() });
    person.press('Löwe 789\r');
    await person.sees(/the command does not read; it took 8 of 10 bytes/);
    expect(typed(run)).toEqual([
      [path, 'Löwe 789\n'],
      [path, ' 789\n'],
      [path, '9\n'],
    ]);
  });
});

/** What was answered. */
const answered = (run: MadeRun) => run.calls.filter(({ method }) => method === 'run/resolve').map(({ params }) => params['resolution']);

describe('{#attach_keys} {#attach_timeline} an answer', () => {
  it('is not taken for a proposal that nobody moved to until it can have been seen; the oldest is selected', async () => {
    const run = new MadeRun();
    const [a, b] = [run.propose('first'), run.propose('second')];
    const person = attached(run, Infinity);
    await person.sees(/^> \? first /m);
    person.press('a');
    expect(await person.sees(/this one is new; look at it and press again/)).not.toContain('a accept');
    // Whoever moves to it means it.
    person.press('jk');
    await person.sees(/^> \? first [\s\S]* a accept/m);
    run.answers['run/resolve'] = () => {
      run.start('first');
      return {};
    };
    // A double tap; the second is not for the next one.
    person.press('a');
    await person.sees(/^> \? second /m);
    person.press('a');
    await person.sees(/this one is new; look at it and press again/);
    expect(answered(run)).toEqual([{ path: a, action: 'accept' }]);
    person.press('kja');
    await expect.poll(() => answered(run)).toHaveLength(2);
    expect(answered(run)[1]).toEqual({ path: b, action: 'accept' });
  });

  it('is taken as soon as the keys are shown', async () => {
    const run = new MadeRun();
    const path = run.propose('first');
    const person = attached(run, 1);
    await person.sees(/^> \? first [\s\S]* a accept/m);
    person.press('a');
    await expect.poll(() => answered(run)).toEqual([{ path, action: 'accept' }]);
  });

  it('is given once while it is on its way', async () => {
    const run = new MadeRun();
    const path = run.propose('first');
    const person = attached(run, 1);
    run.answers['run/resolve'] = () => new Promise(() => {});
    await person.sees(/ a accept/);
    person.press('a');
    person.press('a');
    expect(await person.sees(/your answer is on its way/)).not.toContain('a accept');
    expect(answered(run)).toEqual([{ path, action: 'accept' }]);
  });

  it('is not given by a key that only went to the proposal', async () => {
    const run = new MadeRun();
    run.propose('first');
    run.command('other', 102);
    const person = attached(run, Infinity);
    await person.sees(/^> \? first /m);
    person.press('j');
    await person.sees(/^> \$ other /m);
    person.press('aa');
    await person.sees(/this one is new; look at it and press again/);
    expect(answered(run)).toEqual([]);
  });
});

describe('{#cli_attach} a run that is renamed', () => {
  it('is shown and answered under its other name, also when something was being asked of it', async () => {
    const run = new MadeRun();
    const path = run.propose('first');
    const person = attached(run, 1);
    await person.sees(/^ r {2}[\s\S]* a accept/m);
    run.rename('s');
    run.tell('entry/changed', { path, status: 202, outcome: null, version: 2 });
    await person.sees(/^ s {2}/m);
    person.press('a');
    await expect.poll(() => run.calls.map(({ params }) => params['run'])).toEqual(['s']);
    run.answers['getRun'] = () => {
      delete run.answers['getRun'];
      run.rename('t');
      throw new HeadgateError('not_found', 'there is no run s');
    };
    run.tell('run/state', { status: 200, outcome: null, turn: 1 });
    await person.sees(/^ t {2}running/m);
  });
});

describe('{#attach_output} a search', () => {
  /** A command with so many lines of output, of which some match; a search reads ten lines at a time. */
  function lines(run: MadeRun, total: number, matching: readonly number[]): { searches: () => number } {
    let searches = 0;
    run.answers['stream/read'] = async ({ match, from = 0, lines: range }) => {
      const { first = total, count = 1 } = (range ?? {}) as { first?: number; count?: number };
      if (match === undefined) {
        const chunk = Array.from({ length: Math.max(0, Math.min(count, total - first + 1)) }, (_, index) => `line ${first + index}\n`);
        return { chunk: chunk.join(''), encoding: 'utf8', from: 0, to: total, bytes: total, lines: { first, total } };
      }
      searches++;
      // As slow as a server is: whoever waits does other things meanwhile.
      await new Promise((resolve) => setImmediate(resolve));
      const to = Math.min(total, Number(from) + 10);
      return { to, bytes: total, matches: matching.filter((line) => line > Number(from) && line <= to).map((line) => ({ line })) };
    };
    return { searches: () => searches };
  }

  it('backwards from a page without a found line finds the line just above it', async () => {
    const run = new MadeRun();
    run.command('writer', 200, { channels: [1] });
    const all = Array.from({ length: 100 }, (_, index) => index + 1);
    lines(run, 100, all);
    const person = attached(run);
    await person.sees(/^> . writer /m);
    person.press('\r/x\r');
    await person.sees(/stdout lines \d+-100 of 100/);
    person.press('g');
    const top = await person.sees(/stdout lines 1-\d+ of 100/);
    const height = Number(/lines 1-(\d+) /.exec(top)?.[1]);
    person.press(' ');
    await person.sees(new RegExp(`stdout lines ${height}-`));
    person.press('N');
    // A found line has a third of the room above it.
    await person.sees(new RegExp(`stdout lines ${height - 1 - Math.floor(height / 3)}-`));
  });

  it('goes on no longer when something else is looked at', async () => {
    const run = new MadeRun();
    run.command('other', 200, { channels: [1] });
    run.command('writer', 200, { channels: [1] });
    const { searches } = lines(run, 1_000_000_000, []);
    const person = attached(run);
    await person.sees(/^> . writer /m);
    person.press('/x\r');
    await expect.poll(searches).toBeGreaterThan(2);
    person.press('k');
    await person.sees(/^> . other /m);
    const before = searches();
    // What is on its way is answered; a later key is drawn long after the next question would have come.
    person.press('?');
    await person.sees(/go to another row/);
    expect(searches()).toBeLessThanOrEqual(before + 1);
  });
});

describe('{#attach_output} a page of the output', () => {
  const TOTAL = 300;
  /** What `stream/read` returns of a channel with so many lines. */
  const page = ({ lines }: Record<string, unknown>) => {
    const { first = TOTAL, count = 1 } = lines as { first?: number; count?: number };
    const numbers = Array.from({ length: Math.max(0, Math.min(count, TOTAL - first + 1)) }, (_, index) => `line ${first + index}\n`);
    return { chunk: numbers.join(''), encoding: 'utf8', from: 0, to: 0, bytes: 1000, lines: { first, total: TOTAL } };
  };

  async function atPage() {
    const run = new MadeRun();
    run.command('much', 200, { channels: [1, 2], exit_code: 0 });
    run.answers['stream/read'] = page;
    const person = attached(run);
    await person.sees(/^> \$ much /m);
    person.press('\u001b[5~');
    return { run, person };
  }

  it('that was asked for comes, though opening the details has made room for more of the one before', async () => {
    const { run, person } = await atPage();
    await person.sees(/lines \d+-\d+ of 300/);
    const held = deferred<void>();
    run.answers['stream/read'] = async (params) => {
      await held.promise;
      return page(params);
    };
    person.press('\r');
    person.press('g');
    // The larger room is drawn while the page is on its way.
    await person.sees(/Enter close/);
    held.resolve();
    await person.sees(/lines 1-\d+ of 300/);
  });

  it('is read again where opening the details makes room for more', async () => {
    const { person } = await atPage();
    const [, first, last] = /lines (\d+)-(\d+) of 300/.exec(await person.sees(/lines \d+-\d+ of 300/)) ?? [];
    person.press('\r');
    await person.sees(new RegExp(`lines ${first}-(?!${last} )\\d+ of 300`));
  });
});
