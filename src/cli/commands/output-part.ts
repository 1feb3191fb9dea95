import type { Runtime } from '../../rpc/client/index.ts';
import { CliError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';

const PAGE_BYTES = 1024 * 1024;

/** Which lines `headgate output` writes. */
interface LineOptions {
  readonly from: number;
  readonly line?: number;
  readonly limit?: number;
  readonly match?: string;
  readonly live?: boolean;
}

interface Place {
  readonly run: string;
  readonly path: string;
  readonly channel: number;
  readonly redact?: true;
}

/** Bytes of a channel; up to its end when `to` is left out. */
interface Part {
  readonly from: number;
  readonly to?: number;
}

/** Throws CliError for options that do not go together. */
export function checkLines({ from, line, limit, match, live }: LineOptions): void {
  const refuse = (message: string): never => {
    throw new CliError(message, EXIT.usage);
  };
  if (line !== undefined && from > 0) refuse('--from is a byte and --line is a line; give one of them');
  if (limit !== undefined && line === undefined) refuse('--limit counts lines from --line on; give both');
  if (live && (limit !== undefined || match !== undefined)) refuse('--live goes on to the end; leave --limit and --match out');
}

/** The bytes of the lines that are asked for. Line numbers are those of LF lines, whatever a terminal would show. */
export async function partOf(session: Runtime, place: Place, { from, line, limit }: LineOptions): Promise<Part> {
  if (line === undefined) return { from };
  const at = async (first: number) => await session.look('stream/read', { ...place, lines: { first, count: 1 }, max_bytes: 1 });
  const first = line > 0 ? line : Math.max(1, (await at(1)).lines.total + line + 1);
  const begin = (await at(first)).from;
  return limit === undefined ? { from: begin } : { from: begin, to: (await at(first + limit)).from };
}

/** The stored bytes, a page at a time. */
export async function* storedBytes(session: Runtime, place: Place, { from, to }: Part): AsyncGenerator<Buffer> {
  for (let at = from; to === undefined || at < to; ) {
    const max_bytes = to === undefined ? PAGE_BYTES : Math.min(PAGE_BYTES, to - at);
    const page = await session.look('stream/read', { ...place, from: at, max_bytes });
    yield Buffer.from(page.chunk, page.encoding);
    if (page.to >= page.bytes || page.to === at) return;
    at = page.to;
  }
}

/** The lines that match, each with its number before it. */
export async function* matches(session: Runtime, place: Place, { from, to }: Part, match: string): AsyncGenerator<Buffer> {
  for (let at = from; to === undefined || at < to; ) {
    const page = await session.look('stream/read', { ...place, from: at, match });
    const lines = (page.matches ?? []).filter(({ offset }) => offset >= from && (to === undefined || offset < to));
    yield Buffer.from(lines.map(({ line, text }) => `${line}:${text}\n`).join(''));
    if (page.to >= page.bytes || page.to === at) return;
    at = page.to;
  }
}
