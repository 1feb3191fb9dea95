import { readdirSync, readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname, join } from 'node:path';
import { pathOf, sendMethodNotAllowed } from './http-answer.ts';

/** Where the portal is. */
export const PORTAL_PATH = '/portal/';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

/**
 * Scripts are the page's own files and nothing else, and it connects only to its server. Styles may be inline: a
 * terminal draws its cells with them.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "connect-src 'self'",
  "img-src 'self'",
  "font-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const HEADERS = {
  'content-security-policy': POLICY,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/**
 * The files of the portal (SPEC {#portal_page}). What there is was listed once: a request's path is looked up among those names and never
 * becomes a path on the disk, so nothing outside of the folder can be named.
 */
export class PageFiles {
  readonly #files: ReadonlyMap<string, string>;
  readonly #contents = new Map<string, Buffer>();

  /** @param folder - of the built page; a missing one has no files */
  constructor(folder: string) {
    this.#files = new Map(filesIn(folder).map((name) => [PORTAL_PATH + name, join(folder, name)]));
  }

  /** Responds to a request for a file of the page; returns false when the page has no such path. */
  serve(request: IncomingMessage, response: ServerResponse): boolean {
    const path = pathOf(request);
    if (this.#files.size === 0) return false;
    if (path === '/' || path === PORTAL_PATH.slice(0, -1)) {
      if (refused(request, response)) return true;
      response.writeHead(302, { location: `.${PORTAL_PATH}`, 'cache-control': 'no-store', 'content-length': 0 }).end();
      return true;
    }
    const name = path === PORTAL_PATH ? `${PORTAL_PATH}index.html` : path;
    const file = this.#files.get(name);
    if (file === undefined) return false;
    if (refused(request, response)) return true;
    const content = this.#read(file);
    response.writeHead(200, {
      ...HEADERS,
      'content-type': TYPES[extname(file)] ?? 'application/octet-stream',
      'content-length': content.length,
      // Assets are named by their content; the page that names them is asked for again.
      'cache-control': name.startsWith(`${PORTAL_PATH}assets/`) ? 'public, max-age=31536000, immutable' : 'no-cache',
    });
    response.end(request.method === 'HEAD' ? undefined : content);
    return true;
  }

  #read(file: string): Buffer {
    const known = this.#contents.get(file);
    if (known) return known;
    const content = readFileSync(file);
    this.#contents.set(file, content);
    return content;
  }
}

function refused(request: IncomingMessage, response: ServerResponse): boolean {
  if (request.method === 'GET' || request.method === 'HEAD') return false;
  sendMethodNotAllowed(request, response, 'GET, HEAD');
  return true;
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((item) => item.isFile())
      .map((item) => join(item.parentPath, item.name).slice(join(folder, '/').length));
  } catch {
    return [];
  }
}
