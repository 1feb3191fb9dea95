import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { baseName, type ShellCommand } from '../../../src/policy/shell/command.ts';
import { readScript } from '../../../src/policy/shell/script.ts';
import { type Ran, recordingShell } from './recording-shell.ts';
import { NAMES, script, soup } from './scripts.ts';

const shell = recordingShell([...NAMES, 'cat'], ['dash', 'bash']);
afterAll(() => shell.close());

/** True when the parser has named this call: the program, and its words as far as they are known. */
function named(ran: Ran, acts: readonly ShellCommand[]): boolean {
  return acts.some(({ words }) => {
    if (baseName(words[0]?.text ?? '') !== ran[0]) return false;
    if (words.some((word) => !word.literal)) return true;
    return words.length === ran.length && words.every((word, index) => word.text === (index === 0 ? words[0]?.text : ran[index]));
  });
}

async function agrees(text: string): Promise<void> {
  const { acts, doubts } = await readScript(text);
  if (doubts.length > 0) return;
  const commands = acts.filter((act): act is ShellCommand => act.kind === 'program');
  for (const calls of shell.run(text)) {
    for (const ran of calls)
      expect(
        named(ran, commands),
        `${JSON.stringify(text)} ran ${JSON.stringify(ran)}, known: ${commands.map((one) => one.text).join(' ; ')}`,
      ).toBe(true);
  }
}

const runs = Number(process.env['HEADGATE_POLICY_RUNS'] ?? 150);

describe('{#policy_shell} every program that a real shell runs is one that the parser has named', () => {
  it('in scripts by the grammar, under dash and under bash as sh', async () => {
    let sure = 0;
    await fc.assert(
      fc.asyncProperty(script, async (text) => {
        if ((await readScript(text)).doubts.length === 0) sure += 1;
        await agrees(text);
      }),
      { numRuns: runs },
    );
    // A parser that doubted everything would agree with every shell.
    expect(sure).toBeGreaterThan(runs / 10);
  }, 600_000);

  it('in rows of pieces that are mostly no script at all', async () => {
    await fc.assert(fc.asyncProperty(soup, agrees), { numRuns: runs * 2 });
  }, 600_000);
});
