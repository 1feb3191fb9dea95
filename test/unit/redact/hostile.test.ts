import { describe, expect, it } from 'vitest';
import { Redaction } from '../../../src/redact/index.ts';
import { stars, TOKENS } from '../../support/secrets.ts';

const redaction = new Redaction();
const aws = TOKENS.find(({ name }) => name === 'AWS id')!;
const KEY = `${aws.public}${aws.secret}`;
const WORD = 'correct-horse-battery';
const BASIC = 'dXNlcjpodW50ZXIyaHVudGVy';

describe('{#redaction} secrets in disguise', () => {
  it.each(['\x1b[?25l', '\x1b[38:5:196m', '\x1b(B', '\x1b[K', '\\u0022', '\\x22', '\\t', '\\e[0m', '\\u001b[31m', '\x1b]0;title\x07'])(
    'are known behind %j, which is no part of a word',
    (before) => {
      expect(redaction.text(`a${before}${KEY}\n`)).toBe(`a${before}${aws.public}${stars(aws.secret)}\n`);
    },
  );

  it.each([
    ['+DB_PASSWORD=', '\n'],
    ['-DB_PASSWORD=', '\n'],
    ['12:DB_PASSWORD=', '\n'],
    ['deploy/.env:3:DB_PASSWORD=', '\n'],
    ['.env:API_KEY="', '"\n'],
    ['+ DB_PASSWORD=', '\n'],
    ['++ export API_KEY=', '\n'],
    ['set DB_PASSWORD=', '\r\n'],
    ['LANG=C\0DB_PASSWORD=', '\0X=1'],
    ['            "DB_PASSWORD=', '",\n'],
    ['docker run --rm -e DB_PASSWORD=', ' image\n'],
    ['sudo env API_KEY=', ' node app\n'],
  ])('are known where a variable is set: %j', (before, behind) => {
    expect(redaction.text(`x\n${before}${WORD}${behind}`)).toBe(`x\n${before}${stars(WORD)}${behind}`);
    expect(redaction.text(`${before}${WORD}${behind}`)).toBe(`${before}${stars(WORD)}${behind}`);
  });

  it.each([
    '"Authorization":"Basic ',
    '"authorization": "Basic ',
    'x-api-key: ',
    '"X-API-Key": "',
    'PRIVATE-TOKEN: ',
    '//registry.example.org/:_authToken=',
    '{"auths":{"registry.example.org":{"auth":"',
  ])('are known behind %j', (before) => {
    expect(redaction.text(`${before}${BASIC}"\n`)).toBe(`${before}${stars(BASIC)}"\n`);
  });

  it.each([
    ['code', 'const API_KEY=process.env.API_KEY_OF_SERVICE; let NEXT_TOKEN=tokens.shift_all'],
    ['prose', 'about the MASTER_PASSWORD=something-like-this'],
    ['JSON', '{"auth": "required-by-the-server", "auth": "none", "api": "x-api-key"}'],
    ['an index', 'list[0]AKIA and array[10mAKIA'],
  ])('are not seen in %s', (_, text) => {
    expect(redaction.text(text)).toBe(text);
  });
});
