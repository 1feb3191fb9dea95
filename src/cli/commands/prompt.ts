import { readFile } from 'node:fs/promises';
import { deferred } from '../../core/deferred.ts';
import { defined } from '../../core/defined.ts';
import { isEnd } from '../../core/end-status.ts';
import { messageOf } from '../../core/errors.ts';
import { RunName, type Runtime } from '../../rpc/client/index.ts';
import type { Console } from '../console.ts';
import { type ClientOptions, openSession } from '../context.ts';
import { usageError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { Interrupts } from '../interrupts.ts';
import { inRun } from '../open-run.ts';
import { Operator } from '../operator.ts';
import { RunView } from '../run-view.ts';
import { Screen } from '../screen.ts';
import { readText } from '../stdin.ts';
import { visibleLine } from '../text.ts';
import { usageLine } from '../usage-line.ts';

/** Options of `headgate act` and `headgate ask`. */
export interface PromptOptions extends ClientOptions {
  readonly model?: string;
  readonly agent?: string;
  readonly run?: string;
  readonly persona?: string;
  readonly yolo?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
  /** File that the prompt is read from. */
  readonly promptFile?: string;
}

/**
 * Queues a loop and shows it to its end. The model's words go to standard output, everything else to standard error.
 * Ctrl-C aborts the loop; a second one leaves (SPEC {#cli_act}).
 */
export async function prompt(console: Console, mode: 'act' | 'ask', text: string | undefined, options: PromptOptions): Promise<number> {
  const words = (await promptOf(console, text, options)).trim();
  if (words === '') throw usageError('the prompt is empty', `headgate ${mode} "what to do"`);
  const session = await openSession(console, options, { resume: true, start: true });
  try {
    const model = async () => options.model ?? (await defaultModel(session, console.env['HEADGATE_MODEL']));
    const params = {
      prompt: words,
      // A run that exists goes on with its own model.
      ...defined({
        model: options.run === undefined && options.agent === undefined ? await model() : options.model,
        agent: options.agent,
        run: options.run,
        persona: options.persona,
      }),
      ...(options.yolo ? { yolo: true } : {}),
    };
    const call = () => session.call(mode, params);
    const started = await (options.run === undefined ? call() : inRun(session, { alias: options.run, model, agent: options.agent }, call));
    return await show(console, session, started, options);
  } finally {
    await session.close();
  }
}

/** The prompt: an argument, standard input, or a file. Throws a usage error for both or neither, and for a file that cannot be read. */
async function promptOf(console: Console, text: string | undefined, { promptFile }: PromptOptions): Promise<string> {
  if ((text === undefined) === (promptFile === undefined))
    throw usageError('give the prompt, or --prompt-file FILE', 'headgate act "make the tests pass"');
  if (promptFile === undefined) return text === '-' ? await readText(console.stdin()) : (text ?? '');
  try {
    return await readFile(promptFile, 'utf8');
  } catch (error) {
    throw usageError(`the prompt cannot be read: ${messageOf(error)}`);
  }
}

/** HEADGATE_MODEL, else the only model that was added, else `scripted` when none was. */
async function defaultModel(session: Runtime, configured: string | undefined): Promise<string> {
  if (configured) return configured;
  const added = (await session.call('getModels', {})).map(({ alias }) => alias).filter((alias) => alias !== 'scripted');
  const [only = 'scripted'] = added;
  if (added.length <= 1) return only;
  throw usageError(`there are several models: ${added.join(', ')}`, 'name one with --model or HEADGATE_MODEL');
}

async function show(console: Console, session: Runtime, started: { run: string; loop: number }, options: PromptOptions): Promise<number> {
  const { run, loop } = started;
  const screen = new Screen(console.err, console.errColors);
  // One terminal is one screen; a pipe gets the model's words alone.
  const together = console.out.stream.isTTY === true && console.err.stream.isTTY === true;
  const answer = options.json || together ? screen : new Screen(console.out, console.outColors);
  const interrupts = new Interrupts(() => {
    screen.line(screen.colors.yellow('aborting the loop; Ctrl-C again to leave it as it is'));
    session.call('run/abort', { run }).catch(() => {});
  });
  const name = new RunName(run);
  const operator = new Operator({
    session,
    run: name,
    screen,
    console,
    interrupts,
    acceptAll: options.yes === true,
    interactive: !options.yes && isInteractive(console),
  });
  const { promise: status, resolve: ended } = deferred<number>();
  const view = new RunView({
    session,
    run: name,
    screen,
    whole: true,
    answer,
    listener: {
      proposed: (proposal) => {
        operator.proposed(proposal);
        operator.review();
      },
      resolved: (path) => operator.resolved(path),
      state: (state) => {
        if (state.loop === loop && isEnd(state.status)) ended(state.status);
      },
    },
  });
  try {
    view.open(session.lastSeq);
    const code = await interrupts.orLeft(
      Promise.race([
        status.then(async (final) => {
          await report(console, session, started, final, options);
          await tellRunning(session, run, screen, options);
          await tellUsage(console, session, started, screen, options);
          return exitCode(final, interrupts);
        }),
        view.failed(),
      ]),
    );
    if (interrupts.left.aborted) screen.line(screen.colors.dim(`left; the loop goes on: headgate attach ${run}`));
    return code;
  } finally {
    operator.close();
    view.close();
    interrupts.dispose();
  }
}

async function report(
  console: Console,
  session: Runtime,
  { run, loop }: { run: string; loop: number },
  status: number,
  options: PromptOptions,
): Promise<void> {
  if (!options.json) return;
  const info = await session.look('getRun', { run });
  const ended = info.loops.find((one) => one.loop === loop);
  await console.out.write(`${JSON.stringify({ run, loop, status, outcome: ended?.outcome ?? null, result: ended?.result ?? null })}\n`);
}

/** Commands that the loop has left behind, and how to get at them. */
async function tellRunning(session: Runtime, run: string, screen: Screen, options: PromptOptions): Promise<void> {
  if (options.json) return;
  // What is being ended with the loop does not go on.
  const live = (await session.call('stream/list', { run, state: 'live' })).filter(({ state }) => state !== 'cancelling');
  for (const { command } of live) screen.line(`still runs: ${visibleLine(command)}`);
  if (live.length > 0) screen.line(screen.colors.dim(`  headgate attach ${run} shows it, headgate cancel ${run} ends it`));
}

/** A last line for people: what the loop has used. */
async function tellUsage(
  console: Console,
  session: Runtime,
  { run, loop }: { run: string; loop: number },
  screen: Screen,
  options: PromptOptions,
): Promise<void> {
  if (options.json || console.err.stream.isTTY !== true) return;
  const { turns } = await session.look('getRun', { run });
  const line = usageLine(turns.filter((turn) => turn.loop === loop));
  if (line !== undefined) screen.line(screen.colors.dim(line));
}

function exitCode(status: number, interrupts: Interrupts): number {
  if (status === 200) return EXIT.ok;
  return interrupts.interrupted ? EXIT.interrupted : EXIT.failed;
}

/** True when a person can be asked: they type here and see what is drawn. */
export function isInteractive(console: Console): boolean {
  return console.stdin().isTTY === true && console.err.stream.isTTY === true;
}
