import { constants } from 'node:os';
import { deferred } from '../../core/deferred.ts';
import { defined } from '../../core/defined.ts';
import { messageOf } from '../../core/errors.ts';
import type { Runtime } from '../../rpc/client/index.ts';
import type { ParamsOf, ResultOf } from '../../rpc/protocol/table.ts';
import type { Console } from '../console.ts';
import { type ClientOptions, openSession } from '../context.ts';
import { CliError, isWireError, usageError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { follow, type StreamEnd } from '../follow.ts';
import { Interrupts } from '../interrupts.ts';
import { awaitKill } from '../kill.ts';
import { inRun } from '../open-run.ts';
import { givesInput, type PlaceOptions, placeParams, workingFolder } from '../place-options.ts';
import { forwardInput, type InputEnd, mayRead } from '../stdin.ts';
import { terminalParams } from '../terminal-size.ts';
import { shellQuote, visibleLine } from '../text.ts';

/** How long a command has to end after SIGINT before the next step is named (milliseconds). */
const HINT_MS = 1500;

/** Signals that end this client and not the command. */
const ENDING = ['SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

/** Options of `headgate sh`. */
export interface ShellOptions extends ClientOptions, PlaceOptions {
  readonly run: string;
  readonly cwd?: string;
  readonly env?: Record<string, string>;
  readonly timeout?: number;
  readonly lifetime?: string;
  /** Name or label of a registered runner. */
  readonly runner?: string;
  readonly tty?: boolean;
  /** False with --no-stdin. */
  readonly stdin: boolean;
  readonly propose?: boolean;
  readonly json?: boolean;
}

type Command = ResultOf<'sh'>;

/**
 * Runs a command on the server and is as transparent as can be: its stdout, stderr, stdin and exit code are ours,
 * Ctrl-C is SIGINT to it, and a reader of our output that goes away ends it as it would in a pipeline (SPEC {#cli_sh}).
 */
export async function sh(console: Console, words: readonly string[], options: ShellOptions): Promise<number> {
  if (options.input && !options.stdin) throw usageError('--input and --no-stdin contradict each other', 'leave one of them out');
  if (options.json && !options.propose)
    throw usageError('--json goes with --propose: the output of a command is its own', 'headgate sh --propose --json -- make test');
  // What is wrong with the options is said before a server is looked for.
  const tty = options.tty ? { tty: terminalParams(console) } : {};
  const asked = { ...placeParams(options), ...tty, ...commandOf(words, options) };
  const input = console.stdin();
  const forward = options.stdin && givesInput(options) && !options.propose && mayRead(input);
  const session = await openSession(console, options, { resume: true, start: true });
  try {
    const proposed = await propose(session, asked, options, forward || options.input === true);
    if (options.propose && proposed.status === 202) {
      await console.out.write(options.json ? `${JSON.stringify(proposed)}\n` : `${proposed.run} ${proposed.path}\n`);
      return EXIT.ok;
    }
    const command = proposed.status === 202 ? await accept(session, proposed) : proposed;
    if (command.status !== 102 && command.channels.length === 0) {
      throw new CliError(`the server refused the command (${command.status})`, EXIT.refused);
    }
    return await run(console, session, command, forward && (options.pane === undefined ? 'with-end' : 'without-end'));
  } finally {
    await session.close();
    // An open pipe on standard input must not keep us.
    if (forward) input.destroy();
  }
}

/** What is to be run: one word is a command line, several are a program and its arguments; nothing where something is watched. */
export function commandOf(words: readonly string[], { watch, pane, shell }: PlaceOptions): Pick<ParamsOf<'sh'>, 'command'> {
  const watches = watch !== undefined || pane !== undefined;
  if (watches && words.length > 0) throw usageError(`${watch === undefined ? '--pane' : '--watch'} runs nothing; leave the command out`);
  if (!watches && words.length === 0) throw usageError('no command named', 'headgate sh -- make test');
  if (shell !== undefined && words.length > 1)
    throw usageError('--shell gets a command line: one word', `headgate sh --shell ${shell} -- 'a | b'`);
  const [line] = words;
  return watches ? {} : { command: words.length === 1 && line !== undefined ? line : [...words] };
}

async function propose(session: Runtime, what: Partial<ParamsOf<'sh'>>, options: ShellOptions, stdin: boolean): Promise<Command> {
  const params = {
    run: options.run,
    ...what,
    stdin,
    ...defined({
      cwd: workingFolder(options),
      env: options.env,
      timeout: options.timeout,
      lifetime: options.lifetime,
      runner: options.runner,
    }),
  };
  return await inRun(session, { alias: options.run, model: async () => 'scripted' }, () => session.call('sh', params));
}

async function accept(session: Runtime, { run, path }: Command): Promise<Command> {
  try {
    const { status, channels } = await session.call('run/resolve', { run, resolution: { path, action: 'accept' } });
    return { run, path, status, channels: channels ?? [] };
  } catch (error) {
    if (!isWireError(error, 'proposal_resolved')) throw error;
    const { status } = await session.look('get', { run, path });
    if (status === 403) throw new CliError('another client rejected the command', EXIT.refused);
    const [known] = await session.look('stream/list', { run, path });
    return { run, path, status, channels: known?.channels ?? [] };
  }
}

async function run(console: Console, session: Runtime, { run, path, channels }: Command, forward: false | InputEnd): Promise<number> {
  let code: number | undefined;
  const cancel = (signal: string, reason: string, exitCode: number) => {
    code ??= exitCode;
    session.call('stream/cancel', { run, path, signal, reason }).catch(() => {});
  };
  const cancelNow = () => cancel('SIGINT', 'Ctrl-C', EXIT.interrupted);
  let hint: NodeJS.Timeout | undefined;
  const interrupt = () => {
    hint = setTimeout(
      () => void console.err.write('headgate: the command runs on after SIGINT; Ctrl-C again cancels it\n'),
      HINT_MS,
    ).unref();
    // Where no signal reaches the command, it can be cancelled all the same.
    session.call('stream/signal', { run, path, signal: 'SIGINT' }).catch(cancelNow);
  };
  const interrupts = new Interrupts(interrupt, cancelNow);
  const onPipe = () =>
    cancel(
      'SIGPIPE',
      console.out.failure === undefined ? 'the reader of its output went away' : 'its output could not be written',
      EXIT.brokenPipe,
    );
  const onEnding = (signal: NodeJS.Signals) => {
    const at = `${run} ${shellQuote(path)}`;
    void console.err.write(
      `headgate: ended by ${signal}; the command goes on\n  headgate cancel ${at} ends it, headgate output --live ${at} follows it\n`,
    );
    interrupts.leave(128 + constants.signals[signal]);
  };
  for (const signal of ENDING) process.on(signal, onEnding);
  const undo = [console.out.onGone(onPipe), console.err.onGone(onPipe)];
  const queued = setTimeout(() => void sayQueued(console, session, run, path), HINT_MS).unref();
  const stop = new AbortController();
  const cutOff = deferred<never>();
  if (forward) {
    forwardInput(console.stdin(), session, { run, path, end: forward }, stop.signal).catch(async (error: unknown) => {
      // A command that is over takes no more: that is no error of the input.
      if (stop.signal.aborted) return;
      if (!(error instanceof CliError)) return void console.err.write(`headgate: input was cut off: ${messageOf(error)}\n`);
      // Going on behind a hole would give the command another input, unnoticed.
      if (code === undefined && (await runs(session, run, path))) cutOff.reject(error);
    });
  }
  const whole = async () => {
    const end = await follow(session, {
      run,
      path,
      channels: new Map(channels.map(({ channel }) => [channel, 0])),
      // 3 is the progress of a pull: told, and no part of the output.
      take: (channel, bytes) => (channel === 1 ? console.out : console.err).write(bytes),
      signal: interrupts.left,
    });
    if (end === undefined) return EXIT.interrupted;
    if (code === undefined) return await outcome(console, session, end);
    const receipt = await awaitKill(session, run, path, interrupts.left);
    if (receipt && receipt.escaped.length > 0) {
      void console.err.write(`headgate: still running after SIGKILL: pid ${receipt.escaped.join(', ')}\n`);
    }
    // It may have ended by itself while we were asking.
    return end.status === 499 ? code : exitCodeOfEnd(end);
  };
  try {
    return await interrupts.orLeft(Promise.race([whole(), cutOff.promise]));
  } finally {
    stop.abort();
    for (const forget of undo) forget();
    for (const signal of ENDING) process.off(signal, onEnding);
    clearTimeout(hint);
    clearTimeout(queued);
    interrupts.dispose();
  }
}

/** Says what a command waits for that has not begun, once. */
async function sayQueued(console: Console, session: Runtime, run: string, path: string): Promise<void> {
  const waiting = await session.look('stream/list', { run, state: 'open' }).catch(() => []);
  const reason = waiting.find((one) => one.path === path)?.waitsFor;
  if (reason)
    await console.err.write(`headgate: waits for ${visibleLine(reason)}; Ctrl-C takes it back, headgate runners lists the runners\n`);
}

/** False also when the server cannot be asked: the code that follows the command reports that. */
async function runs(session: Runtime, run: string, path: string): Promise<boolean> {
  const live = await session.look('stream/list', { run, state: 'live' }).catch(() => []);
  return live.some((one) => one.path === path);
}

async function outcome(console: Console, session: Runtime, end: StreamEnd): Promise<number> {
  const { run, path } = end;
  if (end.status === 499) {
    const { receipt } = await session.look('stream/receipt', { run, path });
    const by = receipt
      ? `by ${visibleLine(receipt.requestedBy)}${receipt.reason ? `: ${visibleLine(receipt.reason)}` : ''}`
      : 'by another client';
    void console.err.write(`headgate: cancelled ${by}\n`);
  } else if (end.outcome === 'timeout') {
    void console.err.write('headgate: timed out\n');
  } else if (end.status !== 200 && end.exit_code === undefined && end.signal === undefined) {
    const { body } = await session.look('get', { run, path });
    const note = body.trimEnd().split('\n').at(-1) ?? '';
    void console.err.write(`headgate: ${end.outcome ?? 'failed'}: ${visibleLine(note)}\n`);
  }
  return exitCodeOfEnd(end);
}

/** The exit code that a shell would give for the same end (SPEC {#cli_exit_codes}). */
export function exitCodeOfEnd(end: Pick<StreamEnd, 'status' | 'outcome' | 'exit_code' | 'signal'>): number {
  if (end.outcome === 'timeout') return EXIT.timedOut;
  if (end.status === 499) return EXIT.interrupted;
  if (end.exit_code !== undefined) return end.exit_code;
  const number = end.signal === undefined ? undefined : (constants.signals as Record<string, number>)[end.signal];
  if (number !== undefined) return 128 + number;
  return end.status === 200 ? EXIT.ok : EXIT.failed;
}
