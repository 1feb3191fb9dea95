import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DETACH_KEYS, DetachMatcher, keyNames, parseDetachKeys } from '../../../src/cli/tty/detach-keys.ts';
import { TerminalModes } from '../../../src/cli/tty/terminal-modes.ts';

describe('{#cli_tty} the keys that leave a session', () => {
  it.each([
    ['ctrl-],d', '1d64', 'Ctrl-] d'],
    ['ctrl-p,ctrl-q', '1011', 'Ctrl-P Ctrl-Q'],
    ['ctrl-@', '00', 'Ctrl-@'],
    ['~,.', '7e2e', '~ .'],
    ['none', '', ''],
  ])('%s are these', (value, hex, names) => {
    expect(parseDetachKeys(value).toString('hex')).toBe(hex);
    expect(keyNames(parseDetachKeys(value))).toBe(names);
  });

  it.each(['', 'ctrl-', 'ctrl-1', 'ab', 'a,,b', 'é', `${'a,'.repeat(17)}a`])('"%s" are none', (value) => {
    expect(() => parseDetachKeys(value)).toThrow(/keys with commas between/);
  });

  /** What is passed on of these keystrokes, and whether the session was left. */
  function typed(keys: string, ...strokes: string[]): { pass: string; detach: boolean } {
    const matcher = new DetachMatcher(parseDetachKeys(keys));
    let pass = '';
    for (const stroke of strokes) {
      const found = matcher.push(Buffer.from(stroke));
      pass += found.pass.toString();
      if (found.detach) return { pass, detach: true };
    }
    return { pass, detach: false };
  }

  it.each<[string, string[], string, boolean]>([
    ['one by one', ['l', 's', '\u001d', 'd', 'x'], 'ls', true],
    ['at once, with others around them', ['ls\u001ddx'], 'ls', true],
    ['only the first, then something else', ['\u001d', 'x'], '\u001dx', false],
    ['the first twice', ['\u001d\u001d', 'd'], '\u001d', true],
    ['the other way round', ['d\u001d', 'x'], 'd\u001dx', false],
  ])('pressed %s', (_, strokes, pass, detach) => expect(typed(DETACH_KEYS, ...strokes)).toEqual({ pass, detach }));

  it('let everything else through, in whatever cuts it is typed', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', 'b', 'c') }), fc.array(fc.nat(20)), (text, cuts) => {
        const at = text.indexOf('aab');
        const strokes: string[] = [];
        let rest = text;
        for (const cut of cuts) {
          strokes.push(rest.slice(0, cut));
          rest = rest.slice(cut);
        }
        // Whatever is still held back is passed on by a key that cannot continue it.
        const { pass, detach } = typed('a,a,b', ...strokes, rest, 'x');
        expect({ pass, detach }).toEqual(at < 0 ? { pass: `${text}x`, detach: false } : { pass: text.slice(0, at), detach: true });
      }),
    );
  });

  it('named "none" leave no way out', () => expect(typed('none', '\u001dd')).toEqual({ pass: '\u001dd', detach: false }));
});

describe('{#cli_tty} the modes of our terminal', () => {
  function left(...output: string[]): string {
    const modes = new TerminalModes();
    for (const piece of output) modes.watch(Buffer.from(piece));
    return modes.restore();
  }
  const ESC = '\u001b';

  it.each<[string, string[], string]>([
    ['nothing was written', [], ''],
    ['only text was', ['hello', `${ESC}[31mred`], `${ESC}[m`],
    [
      'vi is left running',
      [`${ESC}[?1049h${ESC}[?1h${ESC}=`, `${ESC}[?25l${ESC}[?2004h`],
      `${ESC}[?1l${ESC}[?66l${ESC}[?2004l${ESC}[?1049l${ESC}[?25h${ESC}[m`,
    ],
    ['vi has ended', [`${ESC}[?1049h${ESC}[?1h${ESC}=x${ESC}[?1l${ESC}>${ESC}[?1049l`], `${ESC}[m`],
    ['several were set at once', [`${ESC}[?1000;1006;25h`], `${ESC}[?1000l${ESC}[?1006l${ESC}[m`],
    ['a sequence was cut', [ESC, '[', '?10', '49', 'h'], `${ESC}[?1049l${ESC}[m`],
    ['it was reset', [`${ESC}[?1000h${ESC}c`], `${ESC}[m`],
    ['a mode is unknown', [`${ESC}[?9999h`], `${ESC}[m`],
    ['a sequence is none', [`${ESC}[?${'1'.repeat(100)}h${ESC}[1049h${ESC}[?1049$p`], `${ESC}[m`],
  ])('are put back when %s', (_, output, restored) => expect(left(...output)).toBe(restored));
});
