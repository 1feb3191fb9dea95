import { isEnd } from '../../../core/end-status.ts';
import { type Action, actionOf, type Members } from '../../protocol/action.ts';
import type { ResultOf } from '../../protocol/table.ts';
import { endWord } from './end-word.ts';

/** An entry as `getEntries` and `get` return it. */
export type Entry = Pick<
  ResultOf<'getEntries'>[number],
  'path' | 'turn' | 'status' | 'outcome' | 'body' | 'attributes' | 'bytes' | 'version' | 'truncated'
>;

export type StepState = 'queued' | 'proposed' | 'accepted' | 'running' | 'cancelling' | 'done' | 'failed' | 'rejected' | 'cancelled';

/** How far a step is; a step never goes back. */
const PROGRESS: Readonly<Record<StepState, number>> = {
  queued: 0,
  proposed: 1,
  accepted: 2,
  running: 3,
  cancelling: 4,
  done: 5,
  failed: 5,
  rejected: 5,
  cancelled: 5,
};

/** The text of an item, as far as it was read. */
export interface Text {
  readonly text: string;
  /** Bytes of the whole text. */
  readonly bytes: number;
  /** The text goes on behind what was read of it. */
  readonly isCut: boolean;
  /** Version of the entry that was read; 0 when an event alone has told of it. */
  readonly version: number;
}

/** One action: a command, a change of a file, a question, or what the model did without a question. */
export interface Step extends Text {
  readonly kind: 'step';
  /** Path of its log entry. */
  readonly id: string;
  readonly turn: number;
  readonly tool: string;
  /** Its command line, else its summary. */
  readonly title: string;
  readonly state: StepState;
  /** Status of its log entry. */
  readonly status: number;
  readonly outcome: string | null;
  /** What its log entry records of it. */
  readonly action: Action;
  /** Set while it waits for input: the unfinished last line of its output, or the empty string. */
  readonly waiting: { readonly prompt: string } | undefined;
  readonly backend: string | undefined;
  /** Size of the terminal that it has. */
  readonly terminal: { readonly cols: number; readonly rows: number } | undefined;
  /** False: it was given no input that can be written to. */
  readonly takesInput: boolean;
  readonly channels: readonly { readonly channel: number; readonly bytes: number }[];
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  /** Milliseconds since the epoch, by the server's clock. */
  readonly startedAt: number | undefined;
  readonly durationMs: number | undefined;
  /** Who resolved its proposal. */
  readonly by: string | undefined;
  /** Why it was cancelled. */
  readonly reason: string | undefined;
  readonly receipt: ResultOf<'stream/receipt'>['receipt'] | undefined;
}

/** The step that a log entry stands for, with what events have told of it. */
export function stepOf(entry: Entry, known: Step | undefined): Step {
  const { path, turn, status, outcome, attributes, version } = entry;
  const action = actionOf(attributes);
  const channels = action.channels.map((channel) => ({ channel, bytes: 0 }));
  return {
    kind: 'step',
    id: path,
    turn,
    tool: action.tool ?? toolOfPath(path),
    title: action.command ?? action.summary ?? path,
    state: stateOf(status, action.channels.length > 0, known),
    status,
    outcome,
    action,
    ...textOf(entry, known),
    version,
    waiting: isEnd(status) ? undefined : (action.waiting ?? known?.waiting),
    backend: action.backend ?? known?.backend,
    terminal: terminalOf(action.plan?.spec['tty']),
    takesInput: action.plan?.spec['stdin'] !== false,
    channels: known && known.channels.length > 0 ? known.channels : channels,
    exitCode: action.exitCode ?? known?.exitCode,
    signal: action.signal ?? known?.signal,
    startedAt: known?.startedAt,
    durationMs: action.durationMs ?? known?.durationMs,
    by: action.resolution?.by ?? known?.by,
    reason: known?.reason,
    receipt: known?.receipt,
  };
}

/** The text of an entry; one that was listed without its body keeps the text that is known. */
export function textOf({ body, bytes, truncated, version }: Entry, known: Text | undefined): Text {
  if (body === '' && bytes > 0 && known && known.text !== '') return { ...known, bytes, version };
  return { text: body, bytes, isCut: truncated === true, version };
}

/** The step with other facts; a state that it has left is not taken. */
export function changed(step: Step, facts: Partial<Step>): Step {
  const { state = step.state } = facts;
  return { ...step, ...facts, state: PROGRESS[state] > PROGRESS[step.state] ? state : step.state };
}

/** True when nothing of the step changes any more. */
export function isOver({ state }: Step): boolean {
  return PROGRESS[state] === PROGRESS.done;
}

/** True for a command that runs, or is about to. */
export function isLive(step: Step): boolean {
  return !isOver(step) && step.channels.length > 0 && PROGRESS[step.state] >= PROGRESS.accepted;
}

/** True for a command that has ended while others of its processes run on. */
export function isLeftover({ action }: Step): boolean {
  return action.leftover?.isOpen === true;
}

/** How a step stands, in words: `exit 0`, `running`, `waits for input`, `exit 0, leftover`. */
export function stateWord(step: Step): string {
  return isLeftover(step) ? `${standing(step)}, leftover` : standing(step);
}

/** The tool in the path of a log entry: `sh` in `log://turn_1/sh/make-test`. */
export function toolOfPath(path: string): string {
  return path.split('/')[3] ?? 'unknown';
}

/** The turn in the path of a log entry; 0 for what clients did. */
export function turnOfPath(path: string): number {
  return Number(/^log:\/\/turn_(\d+)\//.exec(path)?.[1] ?? 0);
}

/** The state that a status of a log entry and an end stand for. */
export function stateOf(status: number, hasChannels: boolean, known: Step | undefined): StepState {
  if (status === 200) return 'done';
  if (status === 403) return 'rejected';
  if (status === 499) return 'cancelled';
  if (status >= 400) return 'failed';
  const told = status === 202 ? 'proposed' : status === 100 ? 'queued' : hasChannels ? 'running' : 'accepted';
  return known && PROGRESS[known.state] > PROGRESS[told] ? known.state : told;
}

function standing({ state, status, waiting, exitCode, signal, outcome, action }: Step): string {
  switch (state) {
    case 'queued':
      return 'queued';
    case 'proposed':
      return action.question ? 'waits for your answer' : 'waits for you';
    case 'accepted':
      return 'accepted';
    case 'running':
      return waiting ? 'waits for input' : 'running';
    case 'cancelling':
      return 'being cancelled';
    case 'rejected':
    case 'cancelled':
    case 'done':
    case 'failed':
      return endWord({ status, outcome, exit_code: exitCode, signal });
  }
}

function terminalOf(tty: unknown): Step['terminal'] {
  if (typeof tty !== 'object' || tty === null) return undefined;
  const { cols, rows } = tty as Members;
  return typeof cols === 'number' && typeof rows === 'number' ? { cols, rows } : undefined;
}
