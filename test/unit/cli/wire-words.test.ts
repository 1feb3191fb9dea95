import { describe, expect, it } from 'vitest';
import { CliError, describeError, errorJson } from '../../../src/cli/errors.ts';
import { HeadgateError } from '../../../src/core/errors.ts';
import { COMMANDS, inWords } from '../../../src/rpc/protocol/method-words.ts';

const inCommands = (message: string) => inWords(message, COMMANDS);

describe('{#cli_exit_codes} a message of the server', () => {
  it('names commands in place of methods', () => {
    expect(inCommands('no run "x" in this project; getRuns lists them, startRun opens one')).toBe(
      'no run "x" in this project; headgate runs lists them, headgate act --run opens one',
    );
    expect(inCommands('end them with stream/cancel first')).toBe('end them with headgate cancel first');
    expect(describeError(new HeadgateError('not_found', 'no such thing; getProposals lists what waits'))).toBe(
      'headgate: no such thing; headgate proposals lists what waits\n',
    );
  });

  it('says of params that were refused what is wrong, once, and names the method whose params there are', () => {
    const refused = 'run/rename: name: must be one of stream/read; discover shows the params of run/rename';
    expect(describeError(new HeadgateError('invalid_params', refused))).toBe(
      'headgate: name: must be one of headgate output\n  headgate rpc discover shows the params of run/rename\n',
    );
  });

  it('says in words that the working directory is gone', () => {
    const error = Object.assign(new Error('ENOENT: no such file or directory, uv_cwd'), { code: 'ENOENT', syscall: 'uv_cwd' });
    expect(describeError(error)).toBe('headgate: the working directory is gone\n  cd to a folder that is there\n');
  });

  it('stays as it is where it names no method, or is in the words of the command line', () => {
    for (const text of [
      'headgate rpc discover lists them',
      'log://turn_1/stream/read',
      'open file://src/runs/getRuns.ts',
      '/srv/stream/read is no folder',
      'camelCase is a word',
    ])
      expect(inCommands(text)).toBe(text);
  });
});

describe('{#cli_json} an error', () => {
  it('is one line with what is known of it', () => {
    const wire = errorJson(new HeadgateError('not_found', 'none; getRuns lists them'));
    expect(wire.endsWith('}\n')).toBe(true);
    expect(JSON.parse(wire)).toEqual({
      error: { name: 'not_found', code: -32004, exit_code: 1, message: 'none; headgate runs lists them' },
    });
    expect(JSON.parse(errorJson(new CliError('no server', 3, 'start one\nor two')))).toEqual({
      error: { exit_code: 3, message: 'no server', hint: 'start one\nor two' },
    });
  });
});
