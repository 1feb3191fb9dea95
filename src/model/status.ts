/**
 * Statuses are HTTP numbers (SPEC {#statuses}). The three state tables below are the whole truth about which
 * status may follow which: code asks `next…`, the database enforces the same pairs with triggers.
 */

export const STATUSES = [100, 102, 200, 202, 400, 403, 404, 409, 413, 422, 499, 500, 501] as const;
export type Status = (typeof STATUSES)[number];

type Table<S extends PropertyKey, E extends PropertyKey> = { readonly [state in S]: { readonly [event in E]: S | null } };

// ---- runs -----------------------------------------------------------------------------------------------

export type RunStatus = 100 | 102 | 200 | 202 | 499 | 500;
/** start: a loop begins; propose: it waits for an answer; resume: the answer came; finish, fail, abort: it ended. */
export type RunEvent = 'start' | 'propose' | 'resume' | 'finish' | 'fail' | 'abort';

/** Run status x event (SPEC {#run_states}); null: refused with `illegal_transition`. */
export const RUN_TABLE: Table<RunStatus, RunEvent> = {
  100: { start: 102, propose: null, resume: null, finish: null, fail: null, abort: 499 },
  102: { start: null, propose: 202, resume: null, finish: 200, fail: 500, abort: 499 },
  200: { start: 102, propose: null, resume: null, finish: null, fail: null, abort: 499 },
  202: { start: null, propose: null, resume: 102, finish: 200, fail: null, abort: 499 },
  500: { start: 102, propose: null, resume: null, finish: null, fail: null, abort: 499 },
  499: { start: 102, propose: null, resume: null, finish: null, fail: null, abort: null },
};

// ---- loops ----------------------------------------------------------------------------------------------

export type LoopStatus = 100 | 102 | 200 | 499 | 500;
export type LoopEvent = 'start' | 'finish' | 'fail' | 'abort';

/** Loop status x event (SPEC {#loop_states}). A loop at 102 stays there while a proposal waits. */
export const LOOP_TABLE: Table<LoopStatus, LoopEvent> = {
  100: { start: 102, finish: null, fail: null, abort: 499 },
  102: { start: null, finish: 200, fail: 500, abort: 499 },
  200: { start: null, finish: null, fail: null, abort: null },
  499: { start: null, finish: null, fail: null, abort: null },
  500: { start: null, finish: null, fail: null, abort: null },
};

// ---- entries --------------------------------------------------------------------------------------------

export type EntryStatus = Status;
/**
 * propose: it waits for a client; accept: a producer starts, or a file is about to be changed; succeed, reject, fail,
 * cancel: it ended; conflict: the file was no longer what the accepted change was made from.
 */
export type EntryEvent = 'propose' | 'accept' | 'succeed' | 'reject' | 'fail' | 'cancel' | 'conflict';

const CLOSED = { propose: null, accept: null, succeed: null, reject: null, fail: null, cancel: null, conflict: null } as const;

/** Entry status x event (SPEC {#entry_states}), for log entries and channels alike. */
export const ENTRY_TABLE: Table<EntryStatus, EntryEvent> = {
  100: { propose: 202, accept: 102, succeed: 200, reject: 403, fail: 500, cancel: 499, conflict: null },
  102: { propose: null, accept: null, succeed: 200, reject: null, fail: 500, cancel: 499, conflict: 409 },
  200: CLOSED,
  202: { propose: null, accept: 102, succeed: 200, reject: 403, fail: 500, cancel: 499, conflict: null },
  400: CLOSED,
  403: CLOSED,
  404: CLOSED,
  409: CLOSED,
  413: CLOSED,
  422: CLOSED,
  499: CLOSED,
  500: CLOSED,
  501: CLOSED,
};

/** A queued action (100) may also end at any other 4xx or 501 when its handler refuses it. */
export const ENTRY_REFUSALS: readonly EntryStatus[] = [400, 404, 409, 413, 422, 501];

// ---- producers ------------------------------------------------------------------------------------------

/**
 * queued: accepted, not started; running; cancelling: its channels are 499 and the kill is under way;
 * ended, cancelled, aborted, failed (could not start), lost (gone with no exit code): final.
 */
export type ProducerState = 'queued' | 'running' | 'cancelling' | 'ended' | 'cancelled' | 'aborted' | 'failed' | 'lost';
export type ProducerEvent = 'started' | 'completed' | 'cancel' | 'killed' | 'abort' | 'start_failed' | 'vanished';

const DONE = {
  started: null,
  completed: null,
  cancel: null,
  killed: null,
  abort: null,
  start_failed: null,
  vanished: null,
} as const;

/** Producer state x event (SPEC {#producer_states}). */
export const PRODUCER_TABLE: Table<ProducerState, ProducerEvent> = {
  queued: {
    started: 'running',
    completed: 'ended',
    cancel: 'cancelling',
    killed: null,
    abort: 'aborted',
    start_failed: 'failed',
    vanished: 'lost',
  },
  running: {
    started: null,
    completed: 'ended',
    cancel: 'cancelling',
    killed: null,
    abort: 'aborted',
    start_failed: 'failed',
    vanished: 'lost',
  },
  cancelling: {
    started: null,
    completed: null,
    cancel: null,
    killed: 'cancelled',
    abort: null,
    start_failed: 'cancelled',
    vanished: 'cancelled',
  },
  ended: DONE,
  cancelled: DONE,
  aborted: DONE,
  failed: DONE,
  lost: DONE,
};

/** The states in which something may still run or be killed for a producer. */
export const LIVE_STATES = ['queued', 'running', 'cancelling'] as const satisfies readonly ProducerState[];

/** True while something may still run or be killed for it. */
export function isLive(state: ProducerState): boolean {
  return (LIVE_STATES as readonly ProducerState[]).includes(state);
}

// ---- the pairs, for the database and its test -------------------------------------------------------------

/** One permitted change of state, as the database holds it. */
export interface Transition {
  readonly kind: 'run' | 'loop' | 'entry' | 'producer';
  readonly from: string;
  readonly to: string;
}

function pairs(kind: Transition['kind'], table: Readonly<Record<string, Readonly<Record<string, unknown>>>>): Transition[] {
  const found = new Map<string, Transition>();
  for (const [from, row] of Object.entries(table)) {
    for (const to of Object.values(row)) {
      if (to !== null) found.set(`${from}>${String(to)}`, { kind, from, to: String(to) });
    }
  }
  return [...found.values()];
}

/** Every permitted pair of the four tables. */
export function transitions(): Transition[] {
  return [
    ...pairs('run', RUN_TABLE),
    ...pairs('loop', LOOP_TABLE),
    ...pairs('entry', ENTRY_TABLE),
    ...ENTRY_REFUSALS.map((to): Transition => ({ kind: 'entry', from: '100', to: String(to) })),
    ...pairs('producer', PRODUCER_TABLE),
  ];
}
