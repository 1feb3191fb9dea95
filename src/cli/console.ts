import pc from 'picocolors';
import { ByteSink } from './byte-sink.ts';
import type { CliHost, InputStream } from './host.ts';

type Colors = ReturnType<typeof pc.createColors>;

/** The terminal, or whatever stands in its place, as the commands see it. */
export interface Console {
  readonly out: ByteSink;
  readonly err: ByteSink;
  /** Colours for standard output and for standard error. */
  readonly outColors: Colors;
  readonly errColors: Colors;
  readonly env: CliHost['env'];
  readonly version: string;
  /** File of this command, for starting a server. */
  readonly command: string;
  stdin(): InputStream;
}

/** Wraps the host's streams. Colours follow NO_COLOR, FORCE_COLOR, and whether the stream is a terminal (SPEC {#cli_output}). */
export function createConsole(host: CliHost): Console {
  const colors = (isTerminal: boolean) => pc.createColors(wantsColor(host.env, isTerminal));
  return {
    out: new ByteSink(host.stdout),
    err: new ByteSink(host.stderr),
    outColors: colors(host.stdout.isTTY === true),
    errColors: colors(host.stderr.isTTY === true),
    env: host.env,
    version: host.version,
    command: host.command,
    stdin: host.stdin ? () => (host.stdin as () => InputStream)() : () => process.stdin,
  };
}

/** NO_COLOR (any value but the empty one) wins, then FORCE_COLOR, then whether it is a terminal that knows colours. */
export function wantsColor(env: CliHost['env'], isTerminal: boolean): boolean {
  if (env['NO_COLOR']) return false;
  const force = env['FORCE_COLOR'];
  if (force !== undefined && force !== '') return force !== '0' && force !== 'false';
  return isTerminal && env['TERM'] !== 'dumb';
}
