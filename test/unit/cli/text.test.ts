import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AnsiStripper } from '../../../src/cli/ansi-stripper.ts';
import { commandOf } from '../../../src/cli/commands/sh.ts';
import { LineLabels } from '../../../src/cli/line-labels.ts';
import { formatTable } from '../../../src/cli/table.ts';
import { formatBytes, formatDuration, formatStatus, shellQuote, visible, visibleLine } from '../../../src/cli/text.ts';

describe('numbers and times', () => {
  it('shows sizes with a unit that fits', () => {
    expect([0, 1023, 1024, 1536, 12 * 1024 * 1024, 3 * 2 ** 30].map(formatBytes)).toEqual([
      '0 B',
      '1023 B',
      '1.0 KiB',
      '1.5 KiB',
      '12.0 MiB',
      '3.0 GiB',
    ]);
  });

  it('shows durations with a unit that fits', () => {
    const shown = [-5, 850, 4200, 200_000, 7_500_000, 273_600_000].map(formatDuration);
    expect(shown).toEqual(['0 ms', '850 ms', '4.2 s', '3 min 20 s', '2 h 5 min', '3 d 4 h']);
  });

  it('says a status in a word and its number', () => {
    expect(formatStatus(102)).toBe('running (102)');
    expect(formatStatus(418)).toBe('418');
  });
});

describe('text that others wrote', () => {
  it('escapes what could hide a part of a command: control characters, carriage returns, turned and invisible writing', () => {
    expect(visible('rm -rf /\rls\u001b[2K\u202etxt.exe\u200b')).toBe('rm -rf /⟨CR⟩ls⟨ESC⟩[2K⟨U+202E⟩txt.exe⟨U+200B⟩');
    expect(visible('a\n\tb é 漢')).toBe('a\n\tb é 漢');
    expect(visibleLine('a\nb\tc')).toBe('a⟨LF⟩b⟨TAB⟩c');
  });
});

describe('tables', () => {
  it('aligns columns, right where numbers stand, without blanks at the end', () => {
    const table = formatTable(
      [{ title: 'RUN' }, { title: 'N', right: true }, { title: 'X' }],
      [
        ['a', '10', ''],
        ['long', '9', 'y'],
      ],
    );
    expect(table).toBe('RUN    N  X\na     10\nlong   9  y\n');
  });

  it('cuts lines only where a width is given, and says so with an ellipsis', () => {
    const rows = [['x'.repeat(50)]];
    expect(formatTable([{ title: 'C' }], rows)).toContain('x'.repeat(50));
    expect(formatTable([{ title: 'C' }], rows, 10)).toBe(`C\n${'x'.repeat(9)}…\n`);
  });
});

describe('the command line of headgate sh', () => {
  it('takes one word as a shell command line and keeps several words apart', () => {
    expect(commandOf(['seq 3 | wc -l'], {})).toEqual({ command: 'seq 3 | wc -l' });
    expect(commandOf(['ls', 'my file', "it's", ''], {})).toEqual({ command: ['ls', 'my file', "it's", ''] });
  });

  it('is none where something is watched, and one word where a shell is named', () => {
    expect(commandOf([], { pane: '%1' })).toEqual({});
    expect(() => commandOf(['ls'], { pane: '%1' })).toThrow(/--pane runs nothing/);
    expect(() => commandOf([], {})).toThrow(/no command named/);
    expect(commandOf(['[[ a ]]'], { shell: 'bash' })).toEqual({ command: '[[ a ]]' });
    expect(() => commandOf(['ls', '-l'], { shell: 'bash' })).toThrow(/--shell gets a command line: one word/);
  });

  it('gives the shell exactly the words that were typed, whatever is in them', () => {
    const word = fc.string({ unit: fc.constantFrom('a', ' ', "'", '"', '$', '\\', '\n', '*', '`', 'é', ';', '&') });
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 4 }), (words) => {
        const shell = spawnSync('sh', ['-c', `printf '%s\\0' ${words.map(shellQuote).join(' ')}`], { encoding: 'utf8' });
        expect(shell.stdout).toBe(`${words.join('\0')}\0`);
      }),
      { numRuns: 30 },
    );
  });
});

describe('stripping terminal control sequences', () => {
  const strip = (...pieces: string[]) => {
    const stripper = new AnsiStripper();
    return Buffer.concat(pieces.map((piece) => stripper.strip(Buffer.from(piece)))).toString();
  };

  it('takes out colours, titles and other sequences and leaves text alone', () => {
    expect(
      strip('\u001b[1;31mred\u001b[0m \u001b]0;title\u0007a\u001b]8;;http://x\u001b\\link\u001b(B\u001b7é\u001bPq#0\u001b\\z\r\n'),
    ).toBe('red alinkéz\r\n');
  });

  it('ends a control string that never ends', () => {
    const rest = strip(`\u001b]0;${'x'.repeat(5000)}\nnext line\n`);
    expect(rest.endsWith('\nnext line\n')).toBe(true);
  });

  it('gives the same however the bytes are cut', () => {
    const text = 'a\u001b[1;31mré\u001b[0md\u001b]0;t\u001b\\b\u001b[38;5;196mc漢\u001bM\n';
    const whole = Buffer.from(text);
    fc.assert(
      fc.property(fc.array(fc.nat(whole.length), { maxLength: 8 }), (cuts) => {
        const stripper = new AnsiStripper();
        const edges = [0, ...cuts.sort((a, b) => a - b), whole.length];
        const pieces = edges.slice(1).map((edge, index) => Buffer.from(stripper.strip(whole.subarray(edges[index], edge))));
        expect(Buffer.concat(pieces).toString()).toBe('arédbc漢\n');
      }),
    );
  });
});

describe('labelled output of several channels', () => {
  it('marks every line with its channel and ends a line when another channel cuts in', () => {
    const labels = new LineLabels();
    const shown = [
      labels.label(1, Buffer.from('a\nb')),
      labels.label(1, Buffer.from('c')),
      labels.label(2, Buffer.from('e\n')),
      labels.label(1, Buffer.from('d')),
    ];
    expect(Buffer.concat(shown).toString() + labels.end()).toBe('1| a\n1| bc\n2| e\n1| d\n');
  });
});
