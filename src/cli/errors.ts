import { ERRORS, isHeadgateError, messageOf } from '../core/errors.ts';
import { ConnectionClosed, StreamClosed } from '../rpc/client/errors.ts';
import { COMMANDS, inWords, type MethodWords } from '../rpc/protocol/method-words.ts';
import { EXIT } from './exit-codes.ts';

/** A failure that ends the command: one message, perhaps the next step, and the exit code. Never leaves src/cli. */
export class CliError extends Error {
  readonly exitCode: number;
  readonly hint: string | undefined;

  constructor(message: string, exitCode: number, hint?: string) {
    super(message);
    this.name = 'CliError';
    this.exitCode = exitCode;
    this.hint = hint;
  }
}

/** Name, code and facts of an error that came over the wire; undefined for any other. */
export function wireError(error: unknown): { name: string; code: number; data: Record<string, unknown> } | undefined {
  if (isHeadgateError(error)) return { name: error.kind, code: error.code, data: error.data };
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'number') return undefined;
  const data = 'data' in error && typeof error.data === 'object' && error.data !== null ? (error.data as Record<string, unknown>) : {};
  const name = typeof data['name'] === 'string' ? data['name'] : nameOfCode(error.code);
  return { name, code: error.code, data };
}

/** True for an error of the server with this name of the catalogue. */
export function isWireError(error: unknown, name: string): boolean {
  return wireError(error)?.name === name;
}

function nameOfCode(code: number): string {
  return Object.entries(ERRORS).find(([, spec]) => spec.code === code)?.[0] ?? 'internal';
}

/** Which exit code an error stands for (SPEC {#cli_exit_codes}). */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CliError) return error.exitCode;
  if (error instanceof ConnectionClosed) return EXIT.unreachable;
  if (error instanceof StreamClosed) return error.outcome === 'rejected' ? EXIT.refused : EXIT.failed;
  switch (wireError(error)?.name) {
    case 'invalid_params':
    case 'method_not_found':
      return EXIT.usage;
    case 'forbidden':
    case 'unauthenticated':
    case 'proposal_resolved':
      return EXIT.refused;
    case 'cancelled':
      return EXIT.interrupted;
    default:
      return EXIT.failed;
  }
}

/** The lines that standard error gets for whatever was thrown: the message and the next step, never a stack. */
export function describeError(error: unknown): string {
  const { message, hint } = wordsOf(error);
  return `headgate: ${message}\n${hint ? `  ${hint}\n` : ''}`;
}

/** The same as one line of JSON, for `--json` (SPEC {#cli_json}). */
export function errorJson(error: unknown): string {
  const wire = wireError(error);
  const { message, hint } = wordsOf(error);
  const facts = { ...(wire ? { name: wire.name, code: wire.code } : {}), exit_code: exitCodeOf(error), message, ...(hint ? { hint } : {}) };
  return `${JSON.stringify({ error: facts })}\n`;
}

function wordsOf(error: unknown, words: MethodWords = COMMANDS): { message: string; hint: string | undefined } {
  if (error instanceof CliError) return { message: error.message, hint: error.hint };
  if (isFolderGone(error)) return { message: 'the working directory is gone', hint: 'cd to a folder that is there' };
  const told = messageOf(error);
  const [, method, problem] = REFUSED_PARAMS.exec(told) ?? [];
  if (method !== undefined && problem !== undefined) {
    return { message: inWords(problem, words), hint: `headgate rpc discover shows the params of ${method}` };
  }
  const hint = error instanceof ConnectionClosed ? LOST_HINT : hintOf(wireError(error)?.name);
  return { message: inWords(told, words), hint };
}

/** An error about a method that was called by its own name: it keeps the names of methods (SPEC {#cli_rpc}). */
export function methodError(error: unknown): CliError {
  const { message, hint } = wordsOf(error, { discover: COMMANDS.discover ?? 'discover' });
  return new CliError(message, exitCodeOf(error), hint);
}

/** The message of `invalid_params`: here the method's name is that of a method, since `discover` knows no commands. */
const REFUSED_PARAMS = /^([\w/]+): (.*); discover shows the params of \1$/s;

/** True where Node could not say what the working directory is, because it was removed. */
function isFolderGone(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error && error.syscall === 'uv_cwd';
}

/** What a lost connection means for what was begun over it. */
const LOST_HINT = 'commands go on without it; headgate ps shows them once it is back';

function hintOf(name: string | undefined): string | undefined {
  return name === 'unauthenticated' ? 'give the token with --token or HEADGATE_TOKEN; `headgate serve --json` prints it' : undefined;
}

/** A wrong command line. */
export function usageError(message: string, hint?: string): CliError {
  return new CliError(message, EXIT.usage, hint);
}
