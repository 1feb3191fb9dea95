import fc from 'fast-check';

/** Programs that generated scripts call. */
export const NAMES = ['aa', 'bb', 'cc', 'dd'] as const;

const name = fc.constantFrom(...NAMES);
const blank = fc.constantFrom(' ', '  ', '\t', ' \\\n');

/** The same word in other clothes; every spelling is the same to a shell. */
export function spelled(word: string): fc.Arbitrary<string> {
  return fc.array(fc.constantFrom('plain', 'single', 'double', 'slash'), { minLength: word.length, maxLength: word.length }).map((ways) =>
    [...word]
      .map((char, index) => {
        switch (ways[index]) {
          case 'single':
            return `'${char}'`;
          case 'double':
            return `"${char}"`;
          case 'slash':
            return `\\${char}`;
          default:
            return char;
        }
      })
      .join(''),
  );
}

/** Scripts by the grammar of a shell, nested, with strange spacing and quoting. */
export const { script } = fc.letrec<{ script: string; command: string; word: string; word1: string }>((tie) => ({
  word1: fc.constantFrom(
    'x',
    '-n',
    "'a b'",
    '"a b"',
    'a\\ b',
    '"$x"',
    '$x',
    '*',
    'a=b',
    '#x',
    'x#y',
    '""',
    "'$(dd)'",
    '"\\$(dd)"',
    '\\$\\(dd\\)',
    '{}',
    "it\\'s",
    '"a;b"',
    "';dd;'",
    '!',
    'if',
    'done',
    '1',
    '$',
    '"`"',
    '\\`dd\\`',
    '&',
    '\\;',
    '%',
    '@',
    'é',
    '~',
    '${x}',
    '${x:-y}',
    '$((1+2))',
    "$'dd'",
    '{aa,bb}',
    '[a]',
  ),
  word: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    { weight: 6, arbitrary: tie('word1') },
    tie('script').map((one) => `$(${one})`),
    tie('script').map((one) => `"$(${one})"`),
    tie('command').map((one) => `\`${one}\``),
    tie('command').map((one) => `\${x:-$(${one})}`),
  ),
  command: fc
    .tuple(
      name.chain(spelled),
      fc.array(fc.tuple(blank, tie('word')), { maxLength: 3 }),
      fc.constantFrom('', '', '', '', ' >f', ' 2>&1', ' </dev/null', ' >/dev/null', ' >f x', ' # dd', ' 2>f', ' >&2'),
      fc.constantFrom('', '', '', '', 'x=1 ', '! ', '>f ', 'x=$(bb) '),
    )
    .map(([first, words, end, begin]) => `${begin}${first}${words.map(([gap, word]) => gap + word).join('')}${end}`),
  script: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    { weight: 3, arbitrary: tie('command') },
    fc
      .tuple(tie('script'), fc.constantFrom('; ', ';', ' && ', '||', ' | ', '|', ' & ', '\n', '\n\n', ' &&\n', ' |\n'), tie('script'))
      .map(([a, sign, b]) => `${a}${a.includes('#') ? '\n' : sign}${b}`),
    tie('script').map((one) => `(${one}\n)`),
    tie('script').map((one) => `{ ${one}\n}`),
    tie('script').map((one) => `if ${one}\nthen bb; else cc; fi`),
    tie('script').map((one) => `for i in 1 $(cc); do ${one}\ndone`),
    tie('script').map((one) => `case x in x|y) ${one}\n;; *) dd;; esac`),
    tie('script').map((one) => `cat <<E\nx $(aa)\nE\n${one}`),
    tie('script').map((one) => `: <<'E'\n$(aa) \`bb\`\nE\n${one}`),
    tie('script').map((one) => `while ${one}\nbreak; do :; done`),
    tie('script').map((one) => `sh -c 'aa x'; ${one}`),
  ),
}));

/** Any row of pieces that shells care about: mostly nonsense, and where it is none the shells decide. */
export const soup = fc
  .array(
    fc.oneof(
      { weight: 3, arbitrary: name },
      fc.constantFrom(
        ' ',
        ' ',
        '\n',
        ';',
        '&',
        '&&',
        '|',
        '(',
        ')',
        '{',
        '}',
        '"',
        "'",
        '\\',
        '`',
        '$(',
        '$',
        '#',
        '<<E',
        '<<-E',
        "<<'E'",
        'E',
        '\nE\n',
        '>',
        '<',
        '>f',
        '2>',
        '=',
        'x=',
        '$x',
        '${',
        '!',
        '*',
        '~',
        '[ ',
        ' ]',
        '[[',
        '((',
        '))',
        '$((',
        'if ',
        'then ',
        'fi',
        'for i in',
        'do ',
        'done',
        'case ',
        ' in ',
        'esac',
        ';;',
        '\\\n',
        "$'",
        '$"',
        ',',
        '..',
        '&>',
        '|&',
        '<(',
        'function ',
        '()',
        'time ',
        'x',
        '\t',
        '@',
        '%',
        ':',
        '-',
        'eval ',
        'exec ',
        'command ',
        'test ',
      ),
    ),
    { minLength: 1, maxLength: 14 },
  )
  .map((pieces) => pieces.join(''));
