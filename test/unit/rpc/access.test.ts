import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { type AccessPolicy, allows, checkHost, checkOrigin, grantOf, isLoopbackHost } from '../../../src/rpc/server/access.ts';

const policy: AccessPolicy = {
  boundHost: '127.0.0.1',
  port: 4711,
  allowedOrigins: ['https://portal.example'],
  tokens: [
    { token: 'secret', scope: 'admin' },
    { token: 'glance', scope: 'read' },
  ],
};

const request = (headers: Record<string, string>) => ({ headers }) as unknown as IncomingMessage;
const named = (work: () => unknown): string => {
  try {
    work();
    return 'ok';
  } catch (error) {
    return (error as { kind: string }).kind;
  }
};

describe('{#access} who may connect', () => {
  it('a Host must be a loopback name or the bound host', () => {
    for (const host of ['127.0.0.1:4711', 'localhost:4711', 'LOCALHOST', '[::1]:4711', '127.1.2.3', 'localhost.']) {
      expect(
        named(() => checkHost(request({ host }), policy)),
        host,
      ).toBe('ok');
    }
    for (const host of [
      'evil.example',
      'evil.example:4711',
      '127.0.0.1.evil.example',
      '192.168.1.1:4711',
      '',
      'localhost:4711:1',
      '[::1].evil.example',
    ]) {
      expect(
        named(() => checkHost(request({ host }), policy)),
        host,
      ).toBe('forbidden');
    }
    expect(named(() => checkHost(request({}), policy))).toBe('forbidden');
  });

  it('a server on all addresses takes addresses, which no DNS name can forge, and no foreign name', () => {
    const open = { ...policy, boundHost: '0.0.0.0' };
    expect(named(() => checkHost(request({ host: '192.168.1.1:4711' }), open))).toBe('ok');
    expect(named(() => checkHost(request({ host: 'evil.example' }), open))).toBe('forbidden');
  });

  it('programs without Origin, own loopback pages and allowed pages pass, other pages do not', () => {
    expect(named(() => checkOrigin(request({}), policy))).toBe('ok');
    for (const origin of ['http://127.0.0.1:4711', 'http://localhost:4711', 'http://[::1]:4711', 'https://portal.example']) {
      expect(
        named(() => checkOrigin(request({ origin }), policy)),
        origin,
      ).toBe('ok');
    }
    for (const origin of [
      'null',
      '',
      'http://localhost:4712',
      'https://localhost:4711',
      'https://evil.example',
      'http://127.0.0.1.evil.example:4711',
      'https://portal.example.evil.example',
    ]) {
      expect(
        named(() => checkOrigin(request({ origin }), policy)),
        origin,
      ).toBe('forbidden');
    }
  });

  it('a token gives its scope, from the header or from a subprotocol', () => {
    expect(grantOf(request({ authorization: 'Bearer secret' }), policy).scope).toBe('admin');
    expect(grantOf(request({ authorization: 'bearer  glance ' }), policy).scope).toBe('read');
    expect(grantOf(request({ 'sec-websocket-protocol': 'headgate, bearer.glance' }), policy).scope).toBe('read');
    for (const headers of [
      {},
      { authorization: 'Bearer' },
      { authorization: 'Bearer secre' },
      { authorization: 'Bearer secrets' },
      { authorization: 'Basic secret' },
      { 'sec-websocket-protocol': 'bearer.' },
    ]) {
      expect(
        named(() => grantOf(request(headers as Record<string, string>), policy)),
        JSON.stringify(headers),
      ).toBe('unauthenticated');
    }
  });

  it('a scope holds what is below it', () => {
    expect(allows('admin', 'run') && allows('run', 'read') && allows('read', 'none')).toBe(true);
    expect(allows('read', 'run') || allows('run', 'admin')).toBe(false);
  });

  it('a loopback host is one', () => {
    for (const host of ['127.0.0.1', '127.9.9.9', 'localhost', '::1', '[::1]']) expect(isLoopbackHost(host), host).toBe(true);
    for (const host of ['0.0.0.0', '::', '10.0.0.1', 'localhost.evil.example', '127.evil.example', ''])
      expect(isLoopbackHost(host), host).toBe(false);
  });
});
