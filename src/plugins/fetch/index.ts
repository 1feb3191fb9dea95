import { setTimeout as delay } from 'node:timers/promises';
import { defined } from '../../core/defined.ts';
import type { Plugin } from '../../hooks/plugin.ts';
import { timeoutParam, yieldParam } from '../../hooks/time-params.ts';
import { type Address, addressesOf, isPrivate } from './address.ts';
import { type FetchInput, runFetch } from './run.ts';

const DOC = `Fetches a URL of http or https, after it has been allowed. Channel 1 is the body as it came, channel 2 the heads of request and
response, channel 3 the readable text of a page of HTML: read that one of a page.

A redirect to another host is not followed: you are told where it leads. A host in a private network is asked for each time.

\`\`\`json
{"url": "https://example.com/guide.html"}
\`\`\`

\`\`\`json
{"url": "http://127.0.0.1:3000/api/items", "method": "POST", "headers": {"content-type": "application/json"}, "body": "{}"}
\`\`\`
`;

const DEFAULT_BYTES = 5 * 1024 * 1024;
const DEFAULT_TIMEOUT_MS = 30_000;
/** How long a proposal waits to learn whether a host is in a private network. */
const LOOKUP_MS = 3000;
/** Headers that say how the request itself is carried. */
const OWN_HEADERS = /^(host|connection|content-length|transfer-encoding|te|trailer|upgrade|expect|keep-alive|proxy-.*)$/i;

/** The tool `fetch` and the producer behind it (SPEC {#tool_fetch}). */
export const fetch: Plugin = {
  name: 'fetch',
  setup({ tool, producer, z }) {
    producer({
      kind: 'fetch',
      channels: { 1: 'body', 2: 'headers', 3: 'text' },
      network: true,
      start: (input, io) => runFetch(input as unknown as FetchInput, io),
    });
    const header = z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/, 'must be the name of a header');
    tool({
      name: 'fetch',
      doc: DOC,
      traits: ['proposes', 'web'],
      params: z.strictObject({
        url: z.url({ protocol: /^https?$/, error: 'must be a URL of http or https' }).max(8192),
        method: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']).optional().describe('Default GET.'),
        headers: z
          .record(
            header,
            z
              .string()
              .max(8192)
              .regex(/^[\t\x20-\x7e\x80-\xff]*$/, 'must be one line'),
          )
          .optional(),
        body: z
          .string()
          .max(512 * 1024)
          .optional(),
        max_bytes: z
          .int()
          .min(1)
          .max(100 * 1024 * 1024)
          .optional()
          .describe('Bytes of the body at most. Default 5 MiB.'),
        timeout_ms: timeoutParam('Milliseconds until it is ended. Default 30000.', 3600_000),
        yield_ms: yieldParam('Milliseconds to wait for its end. Default 30000.'),
      }),
      summary: ({ url, method = 'GET' }) => `${method} ${url}`,
      async handler(input, { mode }) {
        const { method = 'GET', headers = {}, body } = input;
        const url = new URL(input.url);
        const refused = (status: 403 | 422, text: string) => ({ kind: 'refused' as const, status, body: text });
        if (mode === 'ask' && method !== 'GET' && method !== 'HEAD')
          return refused(403, `${method} may change something; only GET and HEAD here.`);
        if (url.username !== '' || url.password !== '') return refused(422, 'The URL holds a user or a password; leave them out of it.');
        const own = Object.keys(headers).find((name) => OWN_HEADERS.test(name));
        if (own !== undefined) return refused(422, `The header ${own} is set by fetch itself; leave it out.`);
        if (body !== undefined && (method === 'GET' || method === 'HEAD'))
          return refused(422, `${method} has no body; leave it out, or name another method.`);
        const hidden = (await known(url)).find(({ address }) => isPrivate(address));
        const { href } = url;
        const accepted: FetchInput = {
          url: href,
          method,
          headers,
          maxBytes: input.max_bytes ?? DEFAULT_BYTES,
          inner: hidden !== undefined,
          ...defined({ body }),
        };
        return {
          kind: 'proposal',
          summary: `${method} ${href}${hidden ? ` (private address ${hidden.address})` : ''}`,
          // A rule for a host does not hold for what its name leads to, nor for what changes something there.
          subject: `${hidden ? 'private ' : ''}${method === 'GET' ? '' : `${method} `}${href}`,
          yieldMs: input.yield_ms ?? DEFAULT_TIMEOUT_MS,
          producer: {
            backend: 'fetch',
            runner: 'server',
            spec: { input: { ...accepted }, command: `${method} ${href}`, timeoutMs: input.timeout_ms ?? DEFAULT_TIMEOUT_MS },
          },
        };
      },
    });
  },
};

/** The addresses of a host, as far as they are known in time: what is not known here is refused when it turns out to be private. */
async function known(url: URL): Promise<readonly Address[]> {
  const late = delay(LOOKUP_MS, [], { ref: false });
  return await Promise.race([addressesOf(url).catch(() => []), late]);
}
