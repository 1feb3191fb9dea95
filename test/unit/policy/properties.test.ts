import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Decision, judge, readRule } from '../../../src/policy/index.ts';
import { readScript } from '../../../src/policy/shell/script.ts';
import { soup, spelled } from './scripts.ts';

const rules = [
  readRule({ decision: 'allow', text: 'sh(aa *)' }, 'config'),
  readRule({ decision: 'allow', text: 'sh(bb *)' }, 'config'),
  readRule({ decision: 'deny', text: 'sh(dd *)' }, 'config'),
];
const decide = async (command: string): Promise<Decision> =>
  (await judge({ kind: 'shell', tool: 'sh', command, root: '/nowhere', cwd: '/nowhere', doubts: [], looks: false }, rules)).decision;

const allowed = fc.constantFrom('aa', 'bb', 'aa x', "bb 'a b'", 'aa "$x"', 'aa 2>/dev/null');
/** Around a command, every place in which a shell would run it. */
const around = fc.constantFrom<(inner: string) => string>(
  (inner) => inner,
  (inner) => `( ${inner} )`,
  (inner) => `{ ${inner}\n}`,
  (inner) => `aa $(${inner})`,
  (inner) => `aa "$(${inner})"`,
  (inner) => `x=$(${inner}); aa`,
  (inner) => `if aa; then ${inner}\nfi`,
  (inner) => `while aa; do ${inner}\ndone`,
  (inner) => `for i in 1 2; do ${inner}\ndone`,
  (inner) => `case x in x) ${inner}\n;; esac`,
  (inner) => `! ${inner}`,
  (inner) => `aa \${x:-$(${inner})}`,
  (inner) => `aa <(${inner})`,
  (inner) => `f() { ${inner}\n}\nf`,
  (inner) => `aa <<E\n$(${inner})\nE`,
);
const sign = fc.constantFrom('; ', ' && ', ' || ', ' | ', '\n', ' & ');
const compose = (bad: fc.Arbitrary<string>) =>
  fc
    .tuple(fc.array(allowed, { maxLength: 2 }), bad, fc.array(around, { maxLength: 3 }), fc.array(allowed, { maxLength: 2 }), sign)
    .map(([before, inner, places, after, by]) => [...before, places.reduce((text, place) => place(text), inner), ...after].join(by));

describe('{#policy_shell} any composition of commands', () => {
  it('is never allowed with one that no rule allows', async () => {
    await fc.assert(
      fc.asyncProperty(compose(fc.constantFrom('cc', 'cc x', '$x', 'eval aa', '/tmp/aa', './bb', 'aax', 'sh', 'X=1 aa')), async (text) => {
        expect(await decide(text), text).not.toBe('allow');
      }),
      { numRuns: 1000 },
    );
  });

  it('is denied with one that is denied, however it is spelled', async () => {
    await fc.assert(
      fc.asyncProperty(
        compose(
          fc.tuple(fc.constantFrom('', 'timeout 5 ', 'env A=1 ', 'nohup nice '), spelled('dd')).map(([by, name]) => `${by}${name} x`),
        ),
        async (text) => {
          expect(await decide(text), text).toBe('deny');
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('is allowed when every command in it is, whatever stands around it that has one meaning', async () => {
    const plain = fc.tuple(fc.array(allowed, { minLength: 1, maxLength: 5 }), sign).map(([parts, by]) => parts.join(by));
    await fc.assert(
      fc.asyncProperty(plain, async (text) => {
        expect(await decide(text), text).toBe('allow');
      }),
      { numRuns: 300 },
    );
  });
});

describe('{#policy_shell} the text of a command', () => {
  it('is the same however its words are quoted and spaced', async () => {
    const words = fc.array(fc.stringMatching(/^[a-z0-9@%+:,./-]{1,8}$/), { minLength: 1, maxLength: 4 });
    const dressed = words.chain((plain) =>
      fc.tuple(
        fc.constant(plain.join(' ')),
        fc.tuple(...plain.map(spelled)),
        fc.array(fc.constantFrom(' ', '  ', '\t', ' \\\n'), { minLength: 4, maxLength: 4 }),
      ),
    );
    await fc.assert(
      fc.asyncProperty(dressed, async ([text, spellings, gaps]) => {
        const line = ` aa ${spellings.map((one, index) => `${one}${gaps[index]}`).join('')}`;
        const { acts, doubts } = await readScript(line);
        // Some spellings the grammar reads as two words; then it is asked, and never taken for another command.
        if (doubts.length === 0) expect(acts.map((act) => act.text)).toEqual([`aa ${text}`]);
      }),
      { numRuns: 1000 },
    );
  });

  it('never makes the parser throw, whatever it is', async () => {
    const any = fc.oneof(fc.string({ maxLength: 200, unit: 'binary' }), fc.string({ maxLength: 200 }), soup);
    await fc.assert(
      fc.asyncProperty(any, async (text) => {
        expect(['allow', 'ask', 'deny']).toContain(await decide(text));
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    ['brackets', '('.repeat(20_000)],
    ['substitutions', '$('.repeat(10_000)],
    ['substitutions that end', `${'$('.repeat(2000)}aa${')'.repeat(2000)}`],
    ['expansions', '${x:-'.repeat(6000)],
    ['quotes', `"'`.repeat(15_000)],
    ['backticks', '`'.repeat(30_000)],
    ['ifs', 'if aa; then '.repeat(2500)],
    ['here-documents', 'aa <<E\n'.repeat(4000)],
    ['words', 'x '.repeat(16_000)],
    ['commands', 'aa;'.repeat(10_000)],
    ['scripts in scripts', [...'12345678901'].reduce((inner) => `sh -c '${inner.replaceAll("'", `'\\''`)}'`, 'aa')],
    ['wrappers', `${'env '.repeat(8000)}aa`],
    ['too much', 'a'.repeat(200_000)],
  ])('is asked about within its limits: %s', async (_, text) => {
    expect(await decide(text)).toBe('ask');
  });
});
