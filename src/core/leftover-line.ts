/** What the log entry of an ended command says of processes that ran on (SPEC {#detached}). */
export interface LeftoverWords {
  /** Some run now. */
  readonly isOpen: boolean;
  /** Somebody has cancelled them. */
  readonly isCancelled: boolean;
  /** How many bytes it had written at the last of its news: a limit, a cancel, its end; undefined before that. */
  readonly bytes: number | undefined;
  /** What there is to say, in one line. */
  readonly line: string;
}

/** Reads it from the entry's attributes; undefined for one of which nothing ran on. */
export function leftoverWords({ leftover }: Readonly<Record<string, unknown>>): LeftoverWords | undefined {
  if (typeof leftover !== 'object' || leftover === null) return undefined;
  const { processes, bytes, limit, cancelled_by, gone_at } = leftover as Readonly<Record<string, unknown>>;
  const pids = Array.isArray(processes) ? processes.filter((pid) => typeof pid === 'number') : [];
  const isOpen = typeof gone_at !== 'number';
  const isCancelled = typeof cancelled_by === 'string';
  const isOverLimit = typeof limit === 'string';
  const isNews = !isOpen || isCancelled || isOverLimit;
  return { isOpen, isCancelled, bytes: isNews ? Number(bytes) : undefined, line: lineOf(pids, isOpen, isCancelled, isOverLimit) };
}

function lineOf(pids: readonly number[], isOpen: boolean, isCancelled: boolean, isOverLimit: boolean): string {
  if (!isOpen) return isCancelled ? 'what it had left running was cancelled' : 'what it had left running has ended';
  const some = `${pids.length === 1 ? '1 process of it runs' : `${pids.length} processes of it run`} on in the background (pid ${pids.join(', ')})`;
  if (isCancelled) return `${some} and is being ended`;
  return isOverLimit ? `${some}; what it writes is not stored any more` : some;
}
