import { afterEach, describe, expect, it } from 'vitest';
import { Attached, MadeRun } from '../../../support/attached.ts';

const somebody: Attached[] = [];
afterEach(async () => {
  for (const one of somebody.splice(0)) await one.leave();
});
function attached(run: MadeRun): Attached {
  const one = new Attached(run);
  somebody.push(one);
  return one;
}
/** What was typed, and into what. */
const typed = (run: MadeRun) =>
  run.calls.filter(({ method }) => method === 'stream/input').map(({ params }) => [params['path'], params['chunk']]);

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
