import { describe, expect, it } from 'vitest';
import { type Ask, candidates } from '../../../src/cli/completion/candidates.ts';
import type { Console } from '../../../src/cli/console.ts';
import type { CliHost } from '../../../src/cli/host.ts';
import { commandTree } from '../../../src/cli/program.ts';

const program = commandTree({
  console: { version: '1.2.3', env: {} } as Console,
  host: {} as CliHost,
  choose: () => {},
  wrong: () => {},
});

const nobody: Ask = () => Promise.resolve([]);

describe('{#cli_completion} what can come next', () => {
  it.each([
    [['ru'], ['runner', 'runners', 'runs']],
    [['runner', 'd'], ['drain']],
    [
      ['completion', ''],
      ['bash', 'fish', 'zsh'],
    ],
    [
      ['export', '--format', ''],
      ['asciicast', 'html', 'raw', 'text'],
    ],
    [['export', '--fo'], ['--format']],
    [
      ['policy', 'add', ''],
      ['allow', 'ask', 'deny'],
    ],
    [['sh', '--', ''], []],
    [['sh', 'git', '--'], []],
    [['complet'], ['completion']],
    [['nonsense', ''], []],
  ])('%j: %j', async (words, expected) => {
    expect(await candidates(program, words, nobody)).toEqual(expected);
  });

  it('asks the server that the line names', async () => {
    const asked: unknown[] = [];
    const ask: Ask = (options) => {
      asked.push(options);
      return Promise.resolve(['one', 'two']);
    };
    expect(await candidates(program, ['attach', '--data', '/srv/x', 't'], ask)).toEqual(['two']);
    expect(await candidates(program, ['act', '--model', ''], ask)).toEqual(['one', 'two']);
    expect(asked).toEqual([{ data: '/srv/x' }, {}]);
  });
});
