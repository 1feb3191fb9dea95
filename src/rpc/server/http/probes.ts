import type { IncomingMessage, ServerResponse } from 'node:http';
import { HeadgateError } from '../../../core/errors.ts';
import { allows, type Grant, isLoopbackHost } from '../access.ts';
import { pathOf, sendError, sendJson } from './http-answer.ts';

/** What the server has counted, as its `/metrics` says it (SPEC {#metrics}). */
export interface MetricsPage {
  readonly contentType: string;
  /** All of it, as of now. */
  text(): Promise<string>;
  /** True: a program on this machine needs no token. */
  readonly openToLoopback: boolean;
}

/** What a server says of itself to those who watch it. */
export interface ProbeOptions {
  readonly version: string;
  /** Why the server cannot be used now, in one word; undefined when it can (SPEC {#probes}). */
  readonly unready: () => string | undefined;
  /** Left out: nothing is counted. */
  readonly metrics?: MetricsPage | undefined;
}

/** Headers by which a proxy says for whom it asks: a request that has one may be from anywhere. */
const FORWARDED = ['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'origin'];

/**
 * Serves `/healthz`, `/readyz` and `/metrics`; false for another path (SPEC {#probes}, {#metrics}). `admit` says whose the request is.
 *
 * @throws what `admit` throws, and `forbidden` for a token that may not look at everything
 */
export function serveProbe(request: IncomingMessage, response: ServerResponse, options: ProbeOptions, admit: () => Grant): boolean {
  const path = pathOf(request);
  if (request.method !== 'GET' && request.method !== 'HEAD') return false;
  if (path !== '/healthz' && path !== '/readyz' && (path !== '/metrics' || options.metrics === undefined)) return false;
  if (path === '/metrics' && options.metrics) {
    if (!options.metrics.openToLoopback || !isLocal(request)) requireAll(admit());
    void sendMetrics(response, options.metrics);
    return true;
  }
  response.setHeader('connection', 'close');
  const why = path === '/readyz' ? options.unready() : undefined;
  if (why === undefined) sendJson(response, 200, { status: path === '/readyz' ? 'ready' : 'ok', version: options.version });
  else sendJson(response, 503, { status: why, version: options.version });
  return true;
}

async function sendMetrics(response: ServerResponse, metrics: MetricsPage): Promise<void> {
  try {
    const text = await metrics.text();
    response.writeHead(200, { 'content-type': metrics.contentType, 'cache-control': 'no-store' });
    response.end(text);
  } catch (error) {
    sendError(response, error);
  }
}

/** The figures are of all projects and runs. */
function requireAll({ scope, projects, ownRuns }: Grant): void {
  if (allows(scope, 'read') && projects === undefined && ownRuns === undefined) return;
  const has = allows(scope, 'read') ? 'this one is bound to some' : `this one has "${scope}"`;
  throw new HeadgateError('forbidden', `/metrics needs a token of scope "read" for all projects; ${has}`, { scope: 'read' });
}

/** True for a request of a program on this machine, as far as can be told. */
function isLocal({ socket, headers }: IncomingMessage): boolean {
  const address = socket.remoteAddress?.replace(/^::ffff:/, '') ?? '';
  return isLoopbackHost(address) && FORWARDED.every((name) => headers[name] === undefined);
}
