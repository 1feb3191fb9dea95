import type { Console } from './console.ts';

/** A terminal as the server is asked for one (SPEC {#terminals}). */
export interface TerminalParams {
  readonly term: string;
  readonly cols: number;
  readonly rows: number;
}

/** Sizes that a terminal can have. */
const MOST = 1000;

/** Size of the terminal that the console stands for; 80 x 24 where it has none. */
export function terminalSize({ out, err }: Pick<Console, 'out' | 'err'>): { cols: number; rows: number } {
  const stream = out.stream.isTTY ? out.stream : err.stream;
  const within = (size: number | undefined, fallback: number) => (size ? Math.min(MOST, Math.max(1, size)) : fallback);
  return { cols: within(stream.columns, 80), rows: within(stream.rows, 24) };
}

/** The terminal to ask the server for: of our type and size. */
export function terminalParams(console: Pick<Console, 'out' | 'err' | 'env'>): TerminalParams {
  const { TERM } = console.env;
  const known = TERM !== undefined && TERM !== 'dumb' && /^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$/.test(TERM);
  return { term: known ? TERM : 'xterm-256color', ...terminalSize(console) };
}
