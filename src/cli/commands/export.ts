import { randomBytes } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { defined } from '../../core/defined.ts';
import { messageOf } from '../../core/errors.ts';
import type { Runtime } from '../../rpc/client/index.ts';
import type { ParamsOf } from '../../rpc/protocol/table.ts';
import type { Console } from '../console.ts';
import { type ClientOptions, openSession } from '../context.ts';
import { CliError, usageError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { Interrupts } from '../interrupts.ts';
import { pathOf } from '../short-path.ts';
import { formatBytes } from '../text.ts';

export type ExportFormat = ParamsOf<'stream/export'>['format'];

/** What a file is to hold, by how its name ends. */
const BY_ENDING: readonly [RegExp, ExportFormat][] = [
  [/\.cast$/i, 'asciicast'],
  [/\.html?$/i, 'html'],
  [/\.(txt|log)$/i, 'text'],
];

/** Options of `headgate export`. */
export interface ExportOptions extends ClientOptions {
  readonly format?: ExportFormat;
  readonly output?: string;
  readonly channel?: number;
  readonly redact?: boolean;
}

/** `headgate export`: a document of a command's output, on standard output or in a file that is there only when whole (SPEC {#cli_export}). */
export async function exportOutput(console: Console, run: string, given: string, options: ExportOptions): Promise<number> {
  const { output, channel, redact } = options;
  const format = options.format ?? BY_ENDING.find(([ending]) => output !== undefined && ending.test(output))?.[1] ?? 'raw';
  if (output === undefined && format !== 'text' && console.out.stream.isTTY) {
    throw usageError(`${format} is nothing for a terminal`, `name a file: headgate export --format ${format} -o FILE ${run} ${given}`);
  }
  const session = await openSession(console, options, { resume: true });
  const interrupts = new Interrupts(() => interrupts.leave());
  const forget = console.out.onGone(() => interrupts.leave(EXIT.brokenPipe));
  const write = async (take: (bytes: Buffer) => Promise<unknown>) => {
    const path = await pathOf(session, run, given);
    const asked = { run, path, format, ...defined({ channel }), ...(redact ? { redact } : {}) };
    for await (const { bytes, done, total } of pagesOf(session, asked)) {
      interrupts.left.throwIfAborted();
      await take(bytes);
      progress(console, output !== undefined, done, total);
    }
  };
  const whole = async () => {
    if (output === undefined) await write((bytes) => console.out.write(bytes));
    else await inFile(output, (file) => Promise.race([write((bytes) => file.appendFile(bytes)), left(interrupts.left)]));
    return EXIT.ok;
  };
  try {
    // A file is given up by itself, so that nothing of it is left behind.
    return output === undefined ? await interrupts.orLeft(whole()) : await whole();
  } finally {
    forget();
    interrupts.dispose();
    await session.close();
    if (shows(console, output !== undefined)) void console.err.write('\r\u001b[K');
  }
}

async function* pagesOf(
  session: Runtime,
  asked: ParamsOf<'stream/export'>,
): AsyncGenerator<{ bytes: Buffer; done: number; total: number }> {
  let cursor: string | null | undefined;
  while (cursor !== null) {
    const page = await session.look('stream/export', { ...asked, ...defined({ cursor }) });
    yield { bytes: Buffer.from(page.chunk, page.encoding), done: page.done, total: page.bytes };
    cursor = page.next;
  }
}

/** Writes beside the file and puts it in its place when it is whole; nothing is left of one that failed. */
async function inFile(name: string, write: (file: FileHandle) => Promise<void>): Promise<void> {
  const partial = `${name}.${randomBytes(4).toString('hex')}.partial`;
  let file: FileHandle;
  try {
    file = await open(partial, 'wx');
  } catch (error) {
    throw new CliError(`cannot write ${name}: ${messageOf(error)}`, EXIT.failed, 'name another file with -o');
  }
  try {
    await write(file);
    await file.close();
    await rename(partial, name);
  } catch (error) {
    await file.close().catch(() => {});
    await rm(partial, { force: true });
    throw error;
  }
}

function left(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const leave = () => reject(signal.reason as Error);
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave, { once: true });
  });
}

/** Progress is for a person who waits for a file. */
function shows(console: Console, toFile: boolean): boolean {
  return toFile && console.err.stream.isTTY === true;
}

function progress(console: Console, toFile: boolean, done: number, total: number): void {
  if (shows(console, toFile)) void console.err.write(`\r\u001b[K${formatBytes(done)} of ${formatBytes(total)}`);
}
