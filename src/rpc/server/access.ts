import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { HeadgateError } from '../../core/errors.ts';
import type { TokenScope } from '../../model/records.ts';
import type { Scope } from '../protocol/method.ts';

/** What a connection may do. */
export type GrantedScope = TokenScope;

/** Who a connection is, by the token that it came with, and what it may do. */
export interface Grant {
  /** Name of the token: `admin` for the data folder's own, `local` without one. */
  readonly name: string;
  readonly scope: GrantedScope;
  /** True for a token that `token/add` made. */
  readonly added?: true;
  /** Names of the projects that it is bound to; left out: every one (SPEC {#token_bounds}). */
  readonly projects?: readonly string[];
  /** SHA-256 of the token, in hex, when it is bound to the runs that are made with it; left out: every one (SPEC {#own_runs}). */
  readonly ownRuns?: string;
  /** Milliseconds until the token expires, and its connections end; left out: never. */
  readonly leftMs?: number;
}

/** A token and what it allows. */
export interface TokenGrant {
  readonly token: string;
  readonly scope: GrantedScope;
  /** `admin` when left out. */
  readonly name?: string;
}

/** What each scope holds: `run` looks as well; `runner` serves and does not look (SPEC {#tokens}). */
const HOLDS: Readonly<Record<GrantedScope, readonly Scope[]>> = {
  read: ['none', 'read'],
  run: ['none', 'read', 'run'],
  runner: ['none', 'runner'],
  admin: ['none', 'read', 'run', 'runner', 'admin'],
};

/** True when a connection of scope `has` may call a method that needs `needs`. */
export function allows(has: GrantedScope, needs: Scope): boolean {
  return HOLDS[has].includes(needs);
}

/** True for a connection that is shown secrets: the operator's (SPEC {#redaction}). */
export function seesSecrets(scope: GrantedScope): boolean {
  return scope === 'admin';
}

/** SHA-256 of a token in hex, which is what is kept of it. */
export function hashOf(token: string): string {
  return digest(token).toString('hex');
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
  /** Where a proxy in front of the server is reached; its host and its origin are the server's own. */
  readonly publicUrl?: URL | undefined;
  /** Origins of web pages that may connect beside the server's own, exactly as a browser sends them. */
  readonly allowedOrigins: readonly string[];
  readonly tokens: readonly TokenGrant[];
  /** The token with this SHA-256 (hex), of those that `headgate token add` made. */
  readonly byHash?: (hash: string) => Grant | undefined;
  /** Set where connections are encrypted: whether the server's certificate is for this host. */
  readonly certifies?: ((host: string) => boolean) | undefined;
}

/**
 * Refuses a request whose Host is no name of this server: a web page can point a name of its own at 127.0.0.1 (DNS
 * rebinding), but it cannot do so with an address. Throws `forbidden`.
 */
export function checkHost(request: IncomingMessage, policy: AccessPolicy): void {
  const host = request.headers.host;
  if (host !== undefined) {
    const name = bareHost(host.replace(/:\d+$/, ''));
    if (isLoopbackHost(name) || name === bareHost(policy.boundHost) || name === publicHost(policy)) return;
    if (!isLoopbackHost(policy.boundHost) && isIP(name) !== 0) return;
    // A foreign name that was pointed here is not in the certificate, and the browser has refused it.
    if (policy.certifies?.(name)) return;
  }
  throw new HeadgateError(
    'forbidden',
    `Host "${(host ?? '').slice(0, 80)}" is no name of this server; connect to ${policy.boundHost}:${policy.port}`,
  );
}

/** Refuses a web page of another origin; programs send no Origin. Throws `forbidden`. */
export function checkOrigin(request: IncomingMessage, policy: AccessPolicy): void {
  const { origin } = request.headers;
  if (origin === undefined || origin === policy.publicUrl?.origin || policy.allowedOrigins.includes(origin)) return;
  if (isOwnOrigin(origin, policy)) return;
  throw new HeadgateError('forbidden', `Origin "${origin.slice(0, 80)}" may not connect; allow it when the server is started`);
}

/** Whose token the request carries, and what it allows. Throws `unauthenticated`. */
export function grantOf(request: IncomingMessage, policy: AccessPolicy): Grant {
  const token = tokenOf(request);
  if (token === undefined) {
    throw new HeadgateError(
      'unauthenticated',
      'no token; send "Authorization: Bearer <token>", or from a browser the subprotocols "headgate" and "bearer.<token>"',
    );
  }
  const offered = digest(token);
  let grant: Grant | undefined;
  // Every token is compared, so the time says nothing about which one was nearly right.
  for (const { token: known, scope, name = 'admin' } of policy.tokens) {
    if (timingSafeEqual(digest(known), offered)) grant = { name, scope };
  }
  // Found by its hash: the time says something about the hash of what was offered, and nothing about a token.
  grant ??= policy.byHash?.(offered.toString('hex'));
  if (grant) return grant;
  throw new HeadgateError(
    'unauthenticated',
    'wrong token; the server wrote its own into its data folder, and `headgate token list` there names those that were made',
  );
}

/** Subprotocols that a client offers. */
export function subprotocols(request: IncomingMessage): string[] {
  return (request.headers['sec-websocket-protocol'] ?? '').split(',').map((protocol) => protocol.trim());
}

/** True for a request with a token, right or wrong. */
export function carriesToken(request: IncomingMessage): boolean {
  return tokenOf(request) !== undefined;
}

function tokenOf(request: IncomingMessage): string | undefined {
  const header = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '');
  if (header) return header[1];
  return subprotocols(request)
    .find((protocol) => protocol.startsWith('bearer.'))
    ?.slice('bearer.'.length);
}

function isOwnOrigin(origin: string, { port, certifies }: AccessPolicy): boolean {
  if (!URL.canParse(origin)) return false;
  const url = new URL(origin);
  if (certifies === undefined) return url.protocol === 'http:' && isLoopbackHost(url.hostname) && (url.port || '80') === String(port);
  const own = isLoopbackHost(url.hostname) || certifies(bareHost(url.hostname));
  return url.protocol === 'https:' && own && (url.port || '443') === String(port);
}

function publicHost({ publicUrl }: AccessPolicy): string | undefined {
  return publicUrl && bareHost(publicUrl.hostname);
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
