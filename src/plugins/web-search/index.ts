import type { Plugin } from '../../hooks/plugin.ts';
import { timeoutParam, yieldParam } from '../../hooks/time-params.ts';
import type { SearchEngine } from '../../model/search-engine.ts';
import { runWebSearch } from './run.ts';

const DOC = `Searches the web with the engine of this server, after it has been allowed. Channel 1 has title, address and an excerpt of each result, channel 2 the
same as lines of JSON. Read a result with fetch.

\`\`\`json
{"query": "sqlite wal checkpoint starvation", "max_results": 5}
\`\`\`
`;

const TIMEOUT_MS = 20_000;
const RESULTS = 10;

/** What is said where no engine is configured. */
const HOW = `This server has no search engine. Its operator adds one to the configuration file and restarts it, a SearXNG with
  webSearch: {url: "http://127.0.0.1:8888"}
or any that returns JSON with
  webSearch: {kind: json, url: "https://search.example/api?q={query}", results: items, fields: {title: name, url: link, text: snippet}, apiKeyEnv: SEARCH_KEY}`;

/** The tool `web_search` and the producer behind it (SPEC {#tool_web_search}); `engine` is undefined where none is configured. */
export function webSearch(engine: SearchEngine | undefined, env: NodeJS.ProcessEnv): Plugin {
  return {
    name: 'web_search',
    setup({ tool, producer, z }) {
      if (engine) {
        producer({
          kind: 'web_search',
          channels: { 1: 'results', 2: 'json' },
          network: true,
          start: ({ query, maxResults }, io) => runWebSearch({ engine, env, query: String(query), maxResults: Number(maxResults) }, io),
        });
      }
      tool({
        name: 'web_search',
        doc: DOC,
        traits: ['proposes', 'web'],
        params: z.strictObject({
          query: z.string().min(1).max(1000),
          max_results: z.int().min(1).max(50).optional().describe('Default 10.'),
          timeout_ms: timeoutParam('Milliseconds until it is ended. Default 20000.', 600_000),
          yield_ms: yieldParam('Milliseconds to wait for its end. Default 20000.'),
        }),
        summary: ({ query }) => `search the web for ${JSON.stringify(query)}`,
        handler(input) {
          if (!engine) return { kind: 'refused', status: 501, outcome: 'unsupported', body: HOW };
          const { query, max_results: maxResults = RESULTS } = input;
          const summary = `search the web for ${JSON.stringify(query)}`;
          return {
            kind: 'proposal',
            summary,
            subject: query,
            yieldMs: input.yield_ms ?? TIMEOUT_MS,
            producer: {
              backend: 'web_search',
              runner: 'server',
              spec: { input: { query, maxResults }, command: summary, timeoutMs: input.timeout_ms ?? TIMEOUT_MS },
            },
          };
        },
      });
    },
  };
}
