import { defined } from '../../core/defined.ts';
import { TTY_PATH, TTY_RUN, type TtyFirst } from '../../rpc/protocol/tty.ts';
import type { Console } from '../console.ts';
import { bringServer, type ClientOptions } from '../context.ts';
import { usageError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { withSession } from '../listing.ts';
import { locatePort } from '../locate.ts';
import { givesInput, type PlaceOptions, placeParams, workingFolder } from '../place-options.ts';
import { projectOf } from '../project.ts';
import { pathOf } from '../short-path.ts';
import { terminalParams } from '../terminal-size.ts';
import { visibleLine } from '../text.ts';
import { TtyClient, type TtyEnd } from '../tty/client.ts';
import { exitCodeOfEnd } from './sh.ts';

/** Options of `headgate tty`. */
export interface TtyOptions extends ClientOptions, PlaceOptions {
  readonly run: string;
  readonly cwd?: string;
  readonly env?: Record<string, string>;
  readonly runner?: string;
  readonly lifetime?: string;
  /** True: the words are run and path of a session that is there. */
  readonly attach?: boolean;
  /** False with --no-tty: pipes, also where there is a terminal. */
  readonly tty: boolean;
  readonly detachKeys: Buffer;
}

/** Runs a command of the server in our terminal, or on pipes, or comes back to one that runs (SPEC {#cli_tty}). */
export async function tty(console: Console, words: readonly string[], options: TtyOptions): Promise<number> {
  const project = projectOf(options.project);
  const common = {
    operation: 'tty/open',
    carriage: 'raw',
    acknowledge: true,
    project: project.name,
    projectRoot: project.root,
    client: { name: `cli:${process.pid}`, version: console.version },
  } as const;
  // Who only watches has no keys that would go anywhere: Ctrl-C leaves, as it does where there is no terminal.
  const terminal = options.tty && givesInput(options) && console.stdin().isTTY === true;
  await bringServer(console, options);
  const first: TtyFirst = {
    ...common,
    ...(options.attach ? await attachTo(console, words, options) : begin(console, words, options, terminal)),
  };
  const client = new TtyClient({
    console,
    locate: () => locatePort(options, console.env, TTY_PATH),
    first,
    common,
    terminal,
    input: givesInput(options),
    detachKeys: options.detachKeys,
  });
  return await ending(console, client, await client.run());
}

async function attachTo(console: Console, words: readonly string[], options: TtyOptions) {
  const [run, attach, ...more] = words.length === 1 ? [TTY_RUN, words[0]] : words;
  if (run === undefined || attach === undefined || more.length > 0) {
    throw usageError('--attach takes a run and a path', 'headgate tty --attach tty log://turn_0/sh/top; headgate ps lists what runs');
  }
  if (attach.includes('://')) return { run, attach, from: 'screen' } as const;
  return await withSession(
    console,
    options,
    async (session) => ({ run, attach: await pathOf(session, run, attach), from: 'screen' }) as const,
  );
}

function begin(console: Console, words: readonly string[], options: TtyOptions, terminal: boolean) {
  const { run, env, runner, lifetime } = options;
  const place = placeParams(options);
  const [only] = words;
  const watches = place.container?.watch !== undefined || place.tmux?.pane !== undefined;
  if (only === undefined && !terminal && !watches)
    throw usageError('a command is missing', 'without a terminal say what to run: headgate tty -- make test');
  return {
    run,
    tty: terminal ? terminalParams(console) : place.backend === 'pty' ? true : null,
    ...place,
    ...(only === undefined ? {} : { cmd: words.length === 1 ? only : [...words] }),
    ...defined({ cwd: workingFolder(options), env, runner }),
    ...(options.input ? { stdin: true } : {}),
    ...defined({ lifetime }),
  };
}

async function ending(console: Console, client: TtyClient, end: TtyEnd): Promise<number> {
  if ('left' in end) {
    if (end.left !== EXIT.brokenPipe) await console.err.write(`\nheadgate: left it running; attach again: ${client.attachLine()}\n`);
    return end.left;
  }
  const { status, outcome, code, signal, message } = end.exit;
  if (message !== undefined) await console.err.write(`headgate: ${visibleLine(message)}\n`);
  return exitCodeOfEnd({
    status,
    outcome,
    ...defined({ exit_code: code, signal }),
  });
}
