import { createHash, randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Redaction } from '../../../src/redact/index.ts';
import { after, privateKey, stars, TOKENS } from '../../support/secrets.ts';

const redaction = new Redaction();

describe('{#redaction} what is a secret', () => {
  it.each(TOKENS)('masks the secret part of a token, byte for byte: $name', (token) => {
    const { public: shown, secret } = token;
    expect(redaction.text(`before\n${shown}${secret}${after(token)}behind`)).toBe(`before\n${shown}${stars(secret)}${after(token)}behind`);
    expect(redaction.text(`${shown}${secret}${after(token)}`)).toBe(`${shown}${stars(secret)}${after(token)}`);
  });

  it('masks a private key and leaves its ends and lines', () => {
    const key = privateKey();
    const shown = redaction.text(`before ${key}behind (it)`);
    expect(shown).not.toMatch(/MII|KcwggS/);
    expect(shown).toContain(`-----BEGIN ${'PRIVATE'} KEY-----\n`);
    expect(shown).toContain(`\n-----END ${'PRIVATE'} KEY-----\nbehind (it)`);
    expect(shown.split('\n')).toHaveLength(`before ${key}behind (it)`.split('\n').length);
    expect(shown).toHaveLength(`before ${key}behind (it)`.length);
  });

  it('masks a private key in JSON, in a diff, and one that never ends', () => {
    expect(redaction.text(JSON.stringify({ private_key: privateKey(3) }))).not.toMatch(/MIIE/);
    expect(redaction.text(privateKey(3).replaceAll(/^/gm, '+'))).not.toMatch(/MIIE/);
    expect(redaction.text(privateKey(3).split('-----END')[0] ?? '')).not.toMatch(/MIIE/);
  });

  it.each(['\x1b[32m', '\\n', '%3D', '"', '(', 'x=', '\x1b[1;31m'])('knows a token behind %j', (before) => {
    for (const { public: shown, secret } of TOKENS.filter(({ name }) => !/URL|assignment/.test(name))) {
      expect(redaction.text(`${before}${shown}${secret}\n`)).toBe(`${before}${shown}${stars(secret)}\n`);
    }
  });

  it('masks what was masked in the same way', () => {
    const text = TOKENS.map((token) => `${token.public}${token.secret}${after(token)}`).join('') + privateKey();
    const once = redaction.text(text);
    expect(redaction.text(once)).toBe(once);
  });

  it.each([
    ['a commit', createHash('sha1').update('x').digest('hex')],
    ['a UUID', randomUUID()],
    ['an integrity hash', `"integrity": "sha512-${createHash('sha512').update('x').digest('base64')}"`],
    [
      'an image',
      `<img src="data:image/png;base64,${Buffer.from(Array.from({ length: 60_000 }, (_, i) => (i * 7919) % 251)).toString('base64')}">`,
    ],
    [
      'a source map',
      `//# sourceMappingURL=data:application/json;base64,${Buffer.from('{"version":3,"sources":["a.ts"],"names":[]}').toString('base64')}`,
    ],
    ['a URL with a port', 'listening on http://localhost:8080/ and http://127.0.0.1:3000 user@host'],
    ['a URL of a package', 'http://localhost:4873/@scope/name'],
    ['a remote of git', 'git@github.com:owner/name.git'],
    ['words of CSS', '.sk-folding-cube .sk-circle-fade-dot-container { } task-force-of-many-people-here-in-town'],
    ['prose', 'The bearer of this token= has a PASSWORD and the SECRET= is out; Authorization: none'],
    [
      'code',
      "const API_KEY=process.env.API_KEY_OF_SERVICE;\n  token = lookup(tokens)\nif (x.startsWith('-----BEGIN PRIVATE KEY-----')) {}",
    ],
    ['a reference', 'GITHUB_TOKEN=$OTHER_TOKEN_VALUE\nAPI_KEY=${{ secrets.API_KEY }}\nTOKEN=$(cat /run/secret)'],
    ['a public key', `-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A\n-----END PUBLIC KEY-----`],
    ['a certificate', `-----BEGIN CERTIFICATE-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A\n-----END CERTIFICATE-----`],
    ['an ls', '-rw-r--r-- 1 root root 1234 Jan  1 00:00 eyJson.txt\nghp_readme.md npm_package_name hf_model'],
  ])('leaves alone %s', (_, text) => {
    expect(redaction.text(text)).toBe(text);
  });

  it('looks into every member of a value, and leaves the addresses of entries alone', () => {
    const secret = TOKENS[0]?.secret ?? '';
    const value = { path: 'log://turn_1/sh/x', list: [{ command: `curl -H ghp_${secret}` }], count: 3, none: null };
    expect(redaction.value(value)).toEqual({ ...value, list: [{ command: `curl -H ghp_${stars(secret)}` }] });
    const plain = { a: ['b', { c: 'nothing to see' }] };
    expect(redaction.value(plain)).toBe(plain);
  });
});

describe('{#redaction_env} values of variables', () => {
  const value = 'pa55-w0rd/+with=odd&bytes';
  const known = new Redaction({}, { DEPLOY_TOKEN: value, HOME: '/home/someone-known', KEY_FILE: '/etc/keys/the-key', SHORT_KEY: 'short' });

  it.each([
    ['as it is', value],
    ['in a URL', encodeURIComponent(value)],
    ['in a URL in lower case', encodeURIComponent(value).toLowerCase().replaceAll('pa55', 'pa55')],
    ['in base64', Buffer.from(value).toString('base64').slice(0, 33)],
  ])('are masked %s', (_, text) => {
    expect(known.text(`x ${text} y`)).toBe(`x ${stars(text)} y`);
  });

  it('are masked inside of other base64', () => {
    for (const before of ['', 'u:', 'me:', 'you:']) {
      const shown = known.text(Buffer.from(`${before}${value}\n`).toString('base64'));
      const left = Buffer.from(shown.replaceAll('*', 'A'), 'base64').toString('latin1');
      expect(left).not.toContain('w0rd');
      expect(left).not.toContain('odd');
    }
  });

  it('are those of names that look like secrets, 8 bytes long or more', () => {
    const text = 'in /home/someone-known is /etc/keys/the-key, short';
    expect(known.text(text)).toBe(text);
  });

  it('are those of the names that are given, and then no others', () => {
    const given = new Redaction({ env: ['MY_*'] }, { MY_PLACE: 'a-place-of-mine', DEPLOY_TOKEN: value });
    expect(given.text(`a-place-of-mine ${value}`)).toBe(`*************** ${value}`);
  });

  it("are also the command's own", () => {
    const bytes = Buffer.from('the key is my-very-own-key.');
    const { ranges } = redaction.matcher({ API_KEY: 'my-very-own-key', NAME: 'the key is' }).scan(bytes, { atStart: true, final: true });
    expect(ranges).toEqual([{ from: 11, to: 26 }]);
    expect(redaction.value({ env: { API_KEY: 'my-very-own-key', NAME: 'plain' } })).toEqual({
      env: { API_KEY: '***************', NAME: 'plain' },
    });
  });

  it('are masked by their lines when they have several', () => {
    const keyed = new Redaction({}, { DEPLOY_KEY: `{\n "a": 1\n}\n${'0123456789abcdef'.repeat(2)}\n${'fedcba9876543210'.repeat(2)}\n` });
    expect(keyed.text(`x ${'fedcba9876543210'.repeat(2)} {`)).toBe(`x ${'*'.repeat(32)} {`);
  });

  it('are left alone, and so is all else, when it is off', () => {
    const off = new Redaction({ off: true }, { DEPLOY_TOKEN: value });
    expect(off.text(`${value} ghp_${TOKENS[0]?.secret}`)).toBe(`${value} ghp_${TOKENS[0]?.secret}`);
    expect(off.value({ env: { API_KEY: 'my-very-own-key' } })).toEqual({ env: { API_KEY: 'my-very-own-key' } });
  });
});
