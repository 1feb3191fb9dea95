import { readFileSync } from 'node:fs';
import { CommandInput, InputCutOff, RpcError, type Runtime } from '../rpc/client/index.ts';
import { CliError } from './errors.ts';
import { EXIT } from './exit-codes.ts';
import type { InputStream } from './host.ts';
import { shellQuote } from './text.ts';

/** Everything that comes on standard input, as text. */
export async function readText(input: InputStream): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of input) pieces.push(Buffer.from(piece as Uint8Array));
  return Buffer.concat(pieces).toString('utf8');
}

/**
 * False for a terminal that this process runs in the background of, `headgate sh -- make &`: the system would stop it when it
 * reads what is typed there (SPEC {#cli_sh}).
 */
export function mayRead({ isTTY }: InputStream): boolean {
  if (isTTY !== true) return true;
  // The name of the program, which may have anything in it, ends with the last bracket.
  const [, , group, , , foreground] = readFileSync('/proc/self/stat', 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  return foreground === '-1' || foreground === group;
}

/** Bytes of one `stream/input` call. */
const INPUT_BYTES = 256 * 1024;
/** Errors of a command that has ended, is gone, or reads no input. */
const OVER: ReadonlySet<string> = new Set(['conflict', 'stream_closed', 'not_found', 'unsupported']);

/** Whether the end of our standard input is that of the command's: not in a pane that another program has. */
export type InputEnd = 'with-end' | 'without-end';

/**
 * Sends standard input to a command, in order and each byte once, as fast as the command reads, then end of file where `end` says so
 * (SPEC {#cli_sh}). Ends early when the command has ended or reads no more, or `signal` is aborted. Rejects with `inputCutOff`
 * when it is not known what has arrived, and with what else went wrong.
 */
export async function forwardInput(
  input: InputStream,
  session: Runtime,
  { end, ...to }: { run: string; path: string; end: InputEnd },
  signal: AbortSignal,
): Promise<void> {
  const command = new CommandInput(session, to);
  const over = (error: unknown) => {
    if (signal.aborted || (error instanceof RpcError && OVER.has(error.kind))) return true;
    throw error;
  };
  for await (const piece of input) {
    let rest = Buffer.from(piece as Uint8Array);
    while (rest.length > 0) {
      const next = rest.subarray(0, INPUT_BYTES);
      try {
        rest = rest.subarray(await command.write(next, { signal }));
      } catch (error) {
        if (error instanceof InputCutOff) throw inputCutOff(attachLine(to), error.at, next.length);
        if (over(error)) return;
      }
    }
  }
  if (end === 'with-end') await command.end({ signal }).catch(over);
}

/** The error when the command has `got` bytes of its input for certain, and it is not known whether the next ones have arrived. */
export function inputCutOff(attach: string, got: number, uncertain?: number): CliError {
  const what = uncertain === undefined ? 'a part of the rest' : `the next ${uncertain}`;
  return new CliError(
    `input was cut off: the command has got ${got} bytes of it, and ${what} may have come or not`,
    EXIT.failed,
    `it goes on and waits for more: ${attach}; or end it with headgate cancel`,
  );
}

/** The command that attaches to a command. */
export function attachLine({ run, path }: { readonly run: string; readonly path: string }): string {
  return `headgate tty --attach ${run} ${shellQuote(path)}`;
}

/** True for an error of input that may have been taken (SPEC {#tty_input}). */
export function isUnanswered({ data }: { readonly data?: unknown }): boolean {
  return typeof data === 'object' && data !== null && 'unanswered' in data && data.unanswered === true;
}
