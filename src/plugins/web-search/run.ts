import { messageOf } from '../../core/errors.ts';
import type { ProducerIo, ProducerResult } from '../../hooks/producer.ts';
import type { SearchEngine } from '../../model/search-engine.ts';

/** Bytes of an engine's response at most, and characters of an excerpt. */
const MAX_BYTES = 4 * 1024 * 1024;
const TEXT_CHARS = 1000;

interface Found {
  readonly title: string;
  readonly url: string;
  readonly text: string;
}

/** Asks the engine: channel 1 the results as text, 2 as lines of JSON (SPEC {#tool_web_search}). */
export async function runWebSearch(
  { engine, env, query, maxResults }: { engine: SearchEngine; env: NodeJS.ProcessEnv; query: string; maxResults: number },
  io: ProducerIo,
): Promise<ProducerResult> {
  const key = engine.apiKeyEnv === undefined ? undefined : env[engine.apiKeyEnv];
  if (engine.apiKeyEnv !== undefined && !key)
    return failed('no_key', `the search engine takes its key from ${engine.apiKeyEnv}, which is not set`);
  const response = await fetch(engine.url.replace('{query}', encodeURIComponent(query)), {
    signal: io.signal,
    // Where it is configured is where it is asked: the key and the query go nowhere else.
    redirect: 'error',
    headers: {
      accept: 'application/json',
      ...(key ? { [engine.keyHeader]: engine.keyHeader === 'authorization' ? `Bearer ${key}` : key } : {}),
    },
  });
  if (!response.ok) {
    await response.body?.cancel();
    const why = response.status === 403 && engine.kind === 'searxng' ? '; SearXNG must have json among its search.formats' : '';
    return failed(`http:${response.status}`, `the search engine returned ${response.status} ${response.statusText}${why}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(await bodyOf(response));
  } catch (error) {
    return failed('no_json', `the search engine returned no JSON that can be read: ${messageOf(error)}`);
  }
  const rows = at(value, engine.results);
  if (!Array.isArray(rows)) return failed('no_results', `the response of the search engine has no list at "${engine.results}"`);
  const found = rows.map((row) => foundOf(row, engine)).filter(({ url }) => url !== '');
  const shown = found.slice(0, maxResults);
  for (const [index, one] of shown.entries()) {
    await io.write(1, `${index + 1}. ${one.title}\n   ${one.url}\n${one.text === '' ? '' : `   ${one.text}\n`}\n`);
    await io.write(2, `${JSON.stringify(one)}\n`);
  }
  return { body: `${shown.length} of ${found.length} results` };
}

function foundOf(row: unknown, { fields }: SearchEngine): Found {
  const text = (path: string) => {
    const value = at(row, path);
    return typeof value === 'string' ? value.replaceAll(/\s+/g, ' ').trim().slice(0, TEXT_CHARS) : '';
  };
  return { title: text(fields.title), url: text(fields.url), text: text(fields.text) };
}

/** What is at `a.b` of a value. */
function at(value: unknown, path: string): unknown {
  let now = value;
  for (const name of path === '' ? [] : path.split('.')) {
    if (typeof now !== 'object' || now === null || !Object.hasOwn(now, name)) return undefined;
    now = (now as Readonly<Record<string, unknown>>)[name];
  }
  return now;
}

async function bodyOf(response: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of response.body ?? []) {
    bytes += part.length;
    if (bytes > MAX_BYTES) throw new Error(`it has more than ${MAX_BYTES} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

function failed(outcome: string, body: string): ProducerResult {
  return { exitCode: 1, outcome, body };
}
