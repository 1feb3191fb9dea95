import { isEnd } from '../../core/end-status.ts';
import { leftoverWords } from '../../core/leftover-line.ts';
import { isQuestion } from '../../core/question.ts';
import { endWord } from '../../rpc/client/index.ts';
import type { ResultOf } from '../../rpc/protocol/table.ts';

/** An entry as `getEntries` and `get` answer it. */
export type Entry = Pick<ResultOf<'get'>, 'path' | 'scheme' | 'turn' | 'status' | 'outcome' | 'body' | 'attributes'>;
type Facts = Readonly<Record<string, unknown>>;

export type StepState = 'queued' | 'proposed' | 'accepted' | 'running' | 'cancelling' | 'done' | 'failed' | 'rejected' | 'cancelled';

/** One action: a command, a change of a file, a question, or what the model did that nobody is asked about. */
export interface Step {
  readonly kind: 'step';
  /** Path of its log entry. */
  readonly id: string;
  readonly turn: number;
  readonly tool: string;
  readonly title: string;
  readonly state: StepState;
  /** Of its log entry, as it was last told. */
  readonly status: number;
  /** Nothing of it changes any more. */
  readonly isOver: boolean;
  /** It starts nothing: accepting it carries an answer. */
  readonly isQuestion: boolean;
  /** It waits for input. */
  readonly waiting: boolean;
  /** The unfinished line behind which it waits. */
  readonly prompt?: string;
  readonly outcome: string | null;
  readonly body: string;
  readonly attributes: Facts;
  readonly backend?: string;
  /** Size of the terminal that it has. */
  readonly terminal?: { readonly cols: number; readonly rows: number };
  readonly channels: readonly { readonly channel: number; readonly bytes: number }[];
  readonly exitCode?: number;
  readonly signal?: string;
  /** Milliseconds since the epoch, by the server's clock. */
  readonly startedAt?: number;
  readonly durationMs?: number;
  /** Who answered it. */
  readonly by?: string;
  /** Why it was cancelled. */
  readonly reason?: string;
  readonly receipt?: ResultOf<'stream/receipt'>['receipt'];
}

/** The step that a log entry stands for, with what is known of it already; undefined when it is none. */
export function stepOf(entry: Omit<Entry, 'scheme'>, known: Step | undefined): Step | undefined {
  const { path, turn, status, outcome, attributes, body } = entry;
  const { tool, command, summary, plan, exit_code, signal, duration_ms, backend, channels, resolution } = attributes;
  if (typeof tool !== 'string') return undefined;
  const { by } = record(resolution);
  const { tty } = record(record(plan)['spec']);
  const { cols, rows } = record(tty);
  const isCommand = typeof command === 'string';
  const numbers = Array.isArray(channels) ? channels.filter((one) => typeof one === 'number') : [];
  return {
    ...known,
    kind: 'step',
    id: path,
    turn,
    tool,
    title: isCommand ? command : typeof summary === 'string' ? summary : path,
    state: stateOf(status, numbers.length > 0, known),
    status,
    isOver: isEnd(status),
    isQuestion: isQuestion(attributes),
    waiting: known?.waiting ?? false,
    outcome,
    body,
    attributes,
    channels: known && known.channels.length > 0 ? known.channels : numbers.map((channel) => ({ channel, bytes: 0 })),
    ...(typeof backend === 'string' ? { backend } : {}),
    ...(typeof cols === 'number' && typeof rows === 'number' ? { terminal: { cols, rows } } : {}),
    ...(typeof exit_code === 'number' ? { exitCode: exit_code } : {}),
    ...(typeof signal === 'string' ? { signal } : {}),
    ...(typeof duration_ms === 'number' ? { durationMs: duration_ms } : {}),
    ...(typeof by === 'string' ? { by } : {}),
  };
}

function stateOf(status: number, hasChannels: boolean, known: Step | undefined): StepState {
  if (status === 200) return 'done';
  if (status === 202) return 'proposed';
  if (status === 403) return 'rejected';
  if (status === 499) return 'cancelled';
  if (status >= 400) return 'failed';
  if (known?.state === 'cancelling') return 'cancelling';
  if (status === 102) return hasChannels || known?.state === 'running' ? 'running' : 'accepted';
  return 'queued';
}

/** True for a command that has ended while others of its processes run on. */
export function isLeftover({ attributes }: Step): boolean {
  return leftoverWords(attributes)?.isOpen === true;
}

/** How a step stands, in words: `exit 0`, `running`, `waits for input`, `exit 0, leftover`. */
export function stateWord(step: Step): string {
  return isLeftover(step) ? `${standing(step)}, leftover` : standing(step);
}

function standing({ state, status, waiting, exitCode, signal, outcome, isQuestion }: Step): string {
  switch (state) {
    case 'queued':
      return 'queued';
    case 'proposed':
      return isQuestion ? 'waits for your answer' : 'waits for you';
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

function record(value: unknown): Facts {
  return typeof value === 'object' && value !== null ? (value as Facts) : {};
}
