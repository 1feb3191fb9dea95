import type { Runtime } from '../rpc/client/index.ts';
import type { ProjectRef } from '../rpc/node/index.ts';
import type { Console } from './console.ts';
import { type ClientOptions, openSession } from './context.ts';
import { EXIT } from './exit-codes.ts';
import { type Column, formatTable } from './table.ts';

/** Options of every command that lists or prints something. */
export interface ListOptions extends ClientOptions {
  readonly json?: boolean;
}

/** Opens a session for one command, and closes it when the work is over. */
export async function withSession<T>(
  console: Console,
  options: ClientOptions,
  work: (session: Runtime) => Promise<T>,
  how: { project?: boolean | ProjectRef } = {},
): Promise<T> {
  const session = await openSession(console, options, how);
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}

/** What a listing shows people, beside the rows themselves for `--json`. */
export interface Listing {
  readonly columns: readonly Column[];
  readonly cells: readonly (readonly string[])[];
  /** Said instead of a table without rows. */
  readonly empty: string;
}

/** Prints a listing: JSON with `--json`, else a table that fits the terminal (SPEC {#cli_json}, {#cli_tables}). */
export async function printListing(console: Console, options: ListOptions, rows: unknown, listing: Listing): Promise<number> {
  if (options.json) return await printJson(console, rows);
  if (listing.cells.length === 0) return await say(console, listing.empty);
  const width = console.out.stream.isTTY ? console.out.stream.columns : undefined;
  await console.out.write(formatTable(listing.columns, listing.cells, width));
  return EXIT.ok;
}

/** Prints the result of a method as JSON: indented on a terminal, else on one line. */
export async function printJson(console: Console, value: unknown): Promise<number> {
  await console.out.write(`${JSON.stringify(value, null, console.out.stream.isTTY ? 2 : 0)}\n`);
  return EXIT.ok;
}

/** Prints an answer: JSON with `--json`, else a sentence. */
export async function printAnswer(console: Console, options: ListOptions, answer: unknown, text: string): Promise<number> {
  if (options.json) return await printJson(console, answer);
  await console.out.write(`${text}\n`);
  return EXIT.ok;
}

/** A remark: not part of the listing, so that a pipe gets nothing. */
export async function say(console: Console, text: string): Promise<number> {
  await console.err.write(`${text}\n`);
  return EXIT.ok;
}
