import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { HeadgateError } from '../../core/errors.ts';
import type { Scope } from '../protocol/method.ts';

/** What a connection may do. */
export type GrantedScope = Exclude<Scope, 'none'>;

/** A token and what it allows. */
export interface TokenGrant {
  readonly token: string;
  readonly scope: GrantedScope;
}

const RANK: Readonly<Record<Scope, number>> = { none: 0, read: 1, run: 2, admin: 3 };

/** True when a connection of scope `has` may call a method that needs `needs`. */
export function allows(has: GrantedScope, needs: Scope): boolean {
  return RANK[has] >= RANK[needs];
}

/** True for a host that only this machine reaches. */
export function isLoopbackHost(host: string): boolean {
  const bare = bareHost(host);
  return bare === 'localhost' || bare === '::1' || (isIP(bare) === 4 && bare.startsWith('127.'));
}

/** What decides whether a request over HTTP is served (SPEC {#access}). */
export interface AccessPolicy {
  /** The host that the server was told to listen on. */
  readonly boundHost: string;
  readonly port: number;
  /** Origins of web pages that may connect beside the server's own, exactly as a browser sends them. */
  readonly allowedOrigins: readonly string[];
  readonly tokens: readonly TokenGrant[];
}

/**
 * Refuses a request whose Host is no name of this server: a web page can point a name of its own at 127.0.0.1 (DNS
 * rebinding), but it cannot do so with an address. Throws `forbidden`.
 */
export function checkHost(request: IncomingMessage, policy: AccessPolicy): void {
  const host = request.headers.host;
  if (host !== undefined) {
    const name = bareHost(host.replace(/:\d+$/, ''));
    if (isLoopbackHost(name) || name === bareHost(policy.boundHost)) return;
    if (!isLoopbackHost(policy.boundHost) && isIP(name) !== 0) return;
  }
  throw new HeadgateError(
    'forbidden',
    `Host "${(host ?? '').slice(0, 80)}" is no name of this server; connect to ${policy.boundHost}:${policy.port}`,
  );
}

/** Refuses a web page of another origin; programs send no Origin. Throws `forbidden`. */
export function checkOrigin(request: IncomingMessage, policy: AccessPolicy): void {
  const { origin } = request.headers;
  if (origin === undefined || policy.allowedOrigins.includes(origin)) return;
  if (isOwnOrigin(origin, policy.port)) return;
  throw new HeadgateError('forbidden', `Origin "${origin.slice(0, 80)}" may not connect; allow it when the server is started`);
}

/** The scope of the token that the request carries. Throws `unauthenticated`. */
export function scopeOf(request: IncomingMessage, policy: AccessPolicy): GrantedScope {
  const token = tokenOf(request);
  if (token === undefined) {
    throw new HeadgateError(
      'unauthenticated',
      'no token; send "Authorization: Bearer <token>", or from a browser the subprotocols "headgate" and "bearer.<token>"',
    );
  }
  const offered = digest(token);
  let scope: GrantedScope | undefined;
  // Every token is compared, so the time says nothing about which one was nearly right.
  for (const grant of policy.tokens) if (timingSafeEqual(digest(grant.token), offered)) scope = grant.scope;
  if (scope === undefined) throw new HeadgateError('unauthenticated', 'wrong token; the server wrote the right one into its data folder');
  return scope;
}

/** Subprotocols that a client offers. */
export function subprotocols(request: IncomingMessage): string[] {
  return (request.headers['sec-websocket-protocol'] ?? '').split(',').map((protocol) => protocol.trim());
}

function tokenOf(request: IncomingMessage): string | undefined {
  const header = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '');
  if (header) return header[1];
  return subprotocols(request)
    .find((protocol) => protocol.startsWith('bearer.'))
    ?.slice('bearer.'.length);
}

function isOwnOrigin(origin: string, port: number): boolean {
  if (!URL.canParse(origin)) return false;
  const url = new URL(origin);
  return url.protocol === 'http:' && isLoopbackHost(url.hostname) && (url.port || '80') === String(port);
}

function bareHost(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '');
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
