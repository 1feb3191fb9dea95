import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KnownHosts } from '../../../src/backends/ssh/known-hosts.ts';

/** A public key blob: its type and something that tells it from others. */
function key(type: string, body: string): Buffer {
  const field = (text: string) => Buffer.concat([Buffer.from([0, 0, 0, text.length]), Buffer.from(text)]);
  return Buffer.concat([field(type), field(body)]);
}

const ED = key('ssh-ed25519', 'one');
const OTHER = key('ssh-ed25519', 'two');
const RSA = key('ssh-rsa', 'three');
const text = (blob: Buffer) => blob.toString('base64');

describe('{#backend_ssh} known_hosts', () => {
  let folder: string;
  let file: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'headgate-known-'));
    file = join(folder, 'known_hosts');
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const check = (lines: string, host: string, port: number, blob: Buffer) => {
    writeFileSync(file, `${lines}\n`);
    return new KnownHosts([join(folder, 'not there'), file], host, port).check(blob).state;
  };

  test('know a host by its name, in a list, by a pattern, and not by another name', () => {
    const line = `# a comment\nbuild,build.example ssh-ed25519 ${text(ED)} comment`;
    expect(check(line, 'build.example', 22, ED)).toBe('known');
    expect(check(line, 'BUILD', 22, ED)).toBe('known');
    expect(check(line, 'other', 22, ED)).toBe('unknown');
    expect(check(`*.example ssh-ed25519 ${text(ED)}`, 'web.example', 22, ED)).toBe('known');
    expect(check(`web?.example ssh-ed25519 ${text(ED)}`, 'web12.example', 22, ED)).toBe('unknown');
    expect(check(`*.example,!bad.example ssh-ed25519 ${text(ED)}`, 'bad.example', 22, ED)).toBe('unknown');
  });

  test('a name with another port is a name of its own', () => {
    const line = `[build]:2222 ssh-ed25519 ${text(ED)}`;
    expect(check(line, 'build', 2222, ED)).toBe('known');
    expect(check(line, 'build', 22, ED)).toBe('unknown');
    expect(check(`build ssh-ed25519 ${text(ED)}`, 'build', 2222, ED)).toBe('unknown');
  });

  test('hashed names are found', () => {
    const salt = Buffer.from('0123456789abcdefghij');
    const hash = createHmac('sha1', salt).update('[build]:2222').digest('base64');
    const line = `|1|${salt.toString('base64')}|${hash} ssh-ed25519 ${text(ED)}`;
    expect(check(line, 'build', 2222, ED)).toBe('known');
    expect(check(line, 'other', 2222, ED)).toBe('unknown');
  });

  test('another key of the same type is a change, one of another type is unknown', () => {
    const line = `build ssh-ed25519 ${text(ED)}`;
    expect(check(line, 'build', 22, OTHER)).toBe('changed');
    expect(check(line, 'build', 22, RSA)).toBe('unknown');
    expect(check(`${line}\nbuild ssh-ed25519 ${text(OTHER)}`, 'build', 22, OTHER)).toBe('known');
  });

  test('a revoked key is refused, also where it is known', () => {
    expect(check(`build ssh-ed25519 ${text(ED)}\n@revoked * ssh-ed25519 ${text(ED)}`, 'build', 22, ED)).toBe('revoked');
  });

  test('a key of a certificate authority is no key of a host', () => {
    expect(check(`@cert-authority * ssh-ed25519 ${text(ED)}`, 'build', 22, ED)).toBe('unknown');
  });
});
