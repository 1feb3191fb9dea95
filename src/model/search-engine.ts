import { z } from 'zod';

const field = z.string().min(1).max(128);

/** A search engine, as the configuration file has it (SPEC {#tool_web_search}). */
export const searchEngine = z
  .strictObject({
    kind: z.enum(['searxng', 'json']).default('searxng'),
    /** Of a SearXNG where it is; else the address of a search, with {query} in it. */
    url: z.url({ protocol: /^https?$/, error: 'must be an http or https URL' }),
    /** Variable of the server that holds the key. */
    apiKeyEnv: z
      .string()
      .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the name of an environment variable, not the key itself')
      .optional(),
    /** Header that the key goes into; `authorization` has `Bearer` before it. */
    keyHeader: z
      .string()
      .regex(/^[A-Za-z0-9-]{1,64}$/, 'must be the name of a header')
      .toLowerCase()
      .default('authorization'),
    /** Where the list of results is in the response, such as `data.items`. */
    results: z.string().max(128).default('results'),
    /** Where title, address and excerpt of a result are. */
    fields: z
      .strictObject({ title: field.default('title'), url: field.default('url'), text: field.default('content') })
      .default({ title: 'title', url: 'url', text: 'content' }),
  })
  .superRefine(({ kind, url }, context) => {
    if (kind === 'json' && !decodeURI(url).includes('{query}'))
      context.addIssue({ code: 'custom', path: ['url'], message: 'must have {query} where the text of the search goes' });
  })
  .transform(({ url, ...engine }) => ({ ...engine, url: engine.kind === 'searxng' ? searxngUrl(url) : decodedPlace(url) }));

export type SearchEngine = z.output<typeof searchEngine>;

function searxngUrl(url: string): string {
  return `${url.replace(/\/(?:search\/?)?$/, '')}/search?format=json&q={query}`;
}

/** A URL is kept with its braces escaped; the place of the query is found by its name. */
function decodedPlace(url: string): string {
  return url.replace(/%7Bquery%7D/i, '{query}');
}
