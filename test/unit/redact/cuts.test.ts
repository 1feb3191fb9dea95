import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decidedEnd, masked, maskedRead, type Range, Redaction, Scanner } from '../../../src/redact/index.ts';
import { after, privateKey, TOKENS } from '../../support/secrets.ts';

const VALUE = 'supersecret-value-of-a-variable';
const LONG = Array.from({ length: 40 }, (_, i) => `part${i}`).join('.');
const redaction = new Redaction({}, { A_TOKEN: VALUE, B_SECRET: LONG, C_PASSWORD: 'supersupersecret' });
const matcher = redaction.matcher();

/** Output with secrets, beginnings of secrets, and what is none, in any order. */
const piece = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...TOKENS.map((token) => `${token.public}${token.secret}${after(token)}`)) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      VALUE,
      LONG,
      'supersupersecret',
      VALUE.slice(0, 9),
      LONG.slice(0, 70),
      Buffer.from(VALUE).toString('base64'),
    ),
  },
  { weight: 2, arbitrary: fc.constantFrom(...TOKENS.map(({ public: shown, secret }) => shown + secret.slice(0, 7))) },
  { weight: 1, arbitrary: fc.constantFrom(privateKey(3), privateKey(60), privateKey(2).slice(0, 80), '-----BEGIN ', 'PRIVATE KEY-----') },
  {
    weight: 3,
    arbitrary: fc.constantFrom('\n', ' ', 'Password: ', 'ok\n', 'x', '-', '@', ':', '.eyJ', '\u00e9\u{1f600}', '\r\n', '://u:'),
  },
  { weight: 1, arbitrary: fc.string({ maxLength: 40 }) },
);
const output = fc.array(piece, { maxLength: 24 }).map((pieces) => Buffer.from(pieces.join('')));
const cuts = fc.array(fc.nat(1000), { maxLength: 12 });
const whole = (bytes: Buffer) => masked(bytes, matcher.scan(bytes, { atStart: true, final: true }).ranges);

function split(bytes: Buffer, at: readonly number[]): Buffer[] {
  const places = [...new Set([0, ...at.map((place) => (bytes.length === 0 ? 0 : place % bytes.length)), bytes.length])].sort(
    (a, b) => a - b,
  );
  return places.slice(1).map((to, i) => bytes.subarray(places[i], to));
}

describe('{#redaction_stream} secrets that are cut', () => {
  it('masks the same bytes wherever the output is cut into chunks', () => {
    fc.assert(
      fc.property(output, cuts, (bytes, at) => {
        const scanner = new Scanner(matcher);
        const told: Buffer[] = [];
        let from = 0;
        const known: Range[] = [];
        const chunks = split(bytes, at);
        for (const [index, chunk] of chunks.entries()) {
          known.push(...scanner.push(chunk, index === chunks.length - 1).ranges);
          told.push(masked(bytes.subarray(from, scanner.decided), known, from));
          from = scanner.decided;
        }
        expect(Buffer.concat(told).toString()).toBe(whole(bytes).toString());
      }),
      { numRuns: 2000 },
    );
  });

  it('masks the same bytes for a reader of any part', () => {
    fc.assert(
      fc.property(output, fc.nat(5000), fc.integer({ min: 1, max: 300 }), (bytes, from, count) => {
        const source = { bytes: bytes.length, live: false, read: (at: number, max: number) => bytes.subarray(at, at + max) };
        const at = bytes.length === 0 ? 0 : from % bytes.length;
        expect(maskedRead(matcher, source, at, count).toString('latin1')).toBe(
          whole(bytes)
            .subarray(at, at + count)
            .toString('latin1'),
        );
      }),
      { numRuns: 2000 },
    );
  });

  it('shows a reader of what still grows no byte of a secret before its end, but the first 3 of a value', () => {
    fc.assert(
      fc.property(output, fc.nat(5000), (bytes, cut) => {
        const now = bytes.length === 0 ? 0 : cut % bytes.length;
        const source = { bytes: now, live: true, read: (at: number, max: number) => bytes.subarray(at, Math.min(now, at + max)) };
        const shown = maskedRead(matcher, source, 0, now);
        const end = decidedEnd(matcher, source);
        const right = whole(bytes);
        expect(shown.subarray(0, end).toString('latin1')).toBe(right.subarray(0, end).toString('latin1'));
        for (let i = end + 3; i < now; i++) if (right[i] === 42) expect([42, 10, 13]).toContain(shown[i]);
      }),
      { numRuns: 1000 },
    );
  });

  it.each(['Password: ', 'user@host:~$ ', '>>> ', '[y/N] ', 'sudo: ', 'Enter passphrase for key: '])(
    'holds no prompt back: %s',
    (prompt) => {
      const scanner = new Scanner(matcher);
      scanner.push(Buffer.from(`Welcome\n${prompt}`));
      expect(scanner.decided).toBe(8 + prompt.length);
    },
  );

  it('holds back little: what may be the beginning of a secret, and nothing before it', () => {
    const scanner = new Scanner(matcher);
    scanner.push(Buffer.from('done\nghp_abc'));
    expect(scanner.decided).toBe(9);
    expect(scanner.held().toString()).toBe('abc');
    scanner.push(Buffer.from(' no token'));
    expect(scanner.decided).toBe(21);
  });

  it('stays linear on hostile output', () => {
    const hostile = Buffer.from(
      'eyJ'.repeat(100_000) + '://a:b'.repeat(50_000) + 'sk-'.repeat(100_000) + `-----BEGIN ${'PRIVATE'} KEY-----`.repeat(2000),
    );
    const work = matcher.scan(hostile, { atStart: true, final: true });
    expect(work.ranges.length).toBeLessThan(hostile.length);
  });
});
