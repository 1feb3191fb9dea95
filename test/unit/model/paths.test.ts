import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  channelPath,
  logPath,
  parseChannelPath,
  parseLogPath,
  pathProblem,
  requireLogPath,
  requireScheme,
  slugOf,
} from '../../../src/model/paths.ts';

const action = fc.stringMatching(/^[a-z][a-z0-9_]{0,10}$/).filter((one) => one !== 'log');
const slug = fc.stringMatching(/^[A-Za-z0-9._-]{1,40}$/).filter((one) => one !== '.' && one !== '..');

describe('{#paths} the path grammar', () => {
  it('reads back every log path and channel path it writes', () => {
    fc.assert(
      fc.property(fc.nat(999_999), action, slug, fc.integer({ min: 1, max: 99 }), (turn, act, name, channel) => {
        const parts = { turn, action: act, slug: name };
        expect(parseLogPath(logPath(parts))).toEqual(parts);
        expect(parseChannelPath(channelPath(parts, channel))).toEqual({ ...parts, channel });
        expect(pathProblem(channelPath(parts, channel))).toBeUndefined();
      }),
    );
  });

  it('makes a usable slug of any text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(parseLogPath(logPath({ turn: 1, action: 'sh', slug: slugOf(text) }))).toBeDefined();
      }),
    );
    expect(slugOf('npm run "test:all" && echo')).toBe('npm-run-test-all-echo');
  });

  it.each([
    ['no scheme', 'hello'],
    ['an empty name', 'known://'],
    ['upper case in the scheme', 'Known://x'],
    ['a parent segment', 'known://a/../b'],
    ['white space', 'known://a b'],
    ['a control character', 'known://a\u0000'],
    ['too long', `known://${'a'.repeat(600)}`],
    ['an empty segment', 'known://a//b'],
  ])('refuses %s and says why', (_what, path) => {
    expect(pathProblem(path)).toEqual(expect.any(String));
    expect(() => requireScheme(path)).toThrow(expect.objectContaining({ kind: 'invalid_params' }));
  });

  it('refuses a channel where a log entry is due', () => {
    expect(() => requireLogPath('sh://turn_1/x_1')).toThrow(expect.objectContaining({ kind: 'invalid_params' }));
  });
});
