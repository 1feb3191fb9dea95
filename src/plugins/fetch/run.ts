import type { IncomingMessage } from 'node:http';
import type { ProducerIo, ProducerResult } from '../../hooks/producer.ts';
import { addressesOf, isPrivate } from './address.ts';
import { readPage } from './readable.ts';
import { decoded, send } from './request.ts';

const MAX_REDIRECTS = 5;
/** HTML beyond this is not turned into text (bytes). */
const MAX_HTML_BYTES = 2 * 1024 * 1024;

/** What was accepted. */
export interface FetchInput {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly maxBytes: number;
  /** The person who accepted it was told that the host is in a private network. */
  readonly inner: boolean;
}

/** Fetches a URL into channels: 1 the body, 2 the heads, 3 the text of HTML (SPEC {#tool_fetch}). */
export async function runFetch(input: FetchInput, io: ProducerIo): Promise<ProducerResult> {
  const { method, inner } = input;
  let url = new URL(input.url);
  for (let redirects = 0; ; redirects++) {
    const addresses = await addressesOf(url);
    const hidden = addresses.find(({ address }) => isPrivate(address));
    if (hidden && !inner)
      return failed(
        'private_address',
        `${url.host} is ${hidden.address} by now, a private address; call fetch again for it to be asked for`,
      );
    const response = await send(url, addresses, { method, headers: input.headers, body: input.body, signal: io.signal });
    await io.write(2, headOf(method, url, response));
    const target = targetOf(url, response);
    if (!target) return await store(url, response, input, io, redirects);
    response.destroy();
    const to = `${url.href} redirects to ${target.href}`;
    if (method !== 'GET' && method !== 'HEAD') return failed('redirected', `${to}; ${method} is not sent twice, call fetch with that URL`);
    if (!isSameHost(url, target)) return failed('redirected', `${to}, which is another host; call fetch with that URL if you want it`);
    if (redirects === MAX_REDIRECTS) return failed('redirects', `${to}; ${MAX_REDIRECTS} redirects were followed, more are not`);
    url = target;
  }
}

async function store(url: URL, response: IncomingMessage, input: FetchInput, io: ProducerIo, redirects: number): Promise<ProducerResult> {
  const type = response.headers['content-type'] ?? 'no content type';
  const html = /^(text\/html|application\/xhtml\+xml)\b/i.test(type) ? ([] as Buffer[]) : undefined;
  let bytes = 0;
  let cut = false;
  for await (const chunk of decoded(response)) {
    const part = chunk.subarray(0, input.maxBytes - bytes);
    await io.write(1, part);
    if (html && bytes < MAX_HTML_BYTES) html.push(part);
    bytes += part.length;
    cut = part.length < chunk.length;
    if (cut) break;
  }
  response.destroy();
  const small = html && bytes > 0 && bytes <= MAX_HTML_BYTES ? Buffer.concat(html) : undefined;
  const { text, problem } = small === undefined ? {} : await readPage(small, charsetOf(type), url, io.signal);
  if (text !== undefined) await io.write(3, text);
  const status = response.statusCode ?? 0;
  const body = [
    `${status} ${response.statusMessage ?? ''}`.trim(),
    type,
    `${bytes} bytes${cut ? `, cut off at max_bytes ${input.maxBytes}` : ''}`,
    ...(redirects > 0 ? [`after ${redirects} redirects from ${input.url}`] : []),
    ...(text === undefined ? [] : ['channel 3 has the text of the page']),
    ...(problem === undefined ? [] : [problem]),
  ].join('; ');
  if (status >= 400) return { exitCode: 1, outcome: `http:${status}`, body };
  return cut ? { exitCode: 1, outcome: 'too_large', body } : { body };
}

function failed(outcome: string, body: string): ProducerResult {
  return { exitCode: 1, outcome, body };
}

function headOf(method: string, url: URL, { httpVersion, statusCode, statusMessage, rawHeaders }: IncomingMessage): string {
  const lines: string[] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) lines.push(`< ${rawHeaders[at]}: ${rawHeaders[at + 1]}`);
  return [`> ${method} ${url.href}`, `< HTTP/${httpVersion} ${statusCode} ${statusMessage ?? ''}`.trimEnd(), ...lines, '', ''].join('\n');
}

/** Where a redirect leads; undefined for another response. */
function targetOf(url: URL, { statusCode = 0, headers }: IncomingMessage): URL | undefined {
  if (![301, 302, 303, 307, 308].includes(statusCode) || headers.location === undefined) return undefined;
  if (!URL.canParse(headers.location, url.href))
    throw new Error(`${url.href} redirects to "${headers.location.slice(0, 200)}", which is no URL`);
  return new URL(headers.location, url);
}

/** The same host and port, or the same host's usual encrypted port instead of its usual plain one. */
function isSameHost(from: URL, to: URL): boolean {
  if (to.username !== '' || to.password !== '') return false;
  if (from.protocol === to.protocol) return from.host === to.host;
  return from.protocol === 'http:' && to.protocol === 'https:' && from.port === '' && to.port === '' && from.hostname === to.hostname;
}

function charsetOf(type: string): string {
  return /charset="?([\w-]+)/i.exec(type)?.[1] ?? 'utf-8';
}
