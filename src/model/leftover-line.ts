import type { LeftoverFacts } from './action.ts';

/** What there is to say of processes that an ended command has left running, in one line (SPEC {#detached}). */
export function leftoverLine({ processes, isOpen, isCancelled, isOverLimit }: LeftoverFacts): string {
  if (!isOpen) return isCancelled ? 'what it had left running was cancelled' : 'what it had left running has ended';
  const some = `${processes.length === 1 ? '1 process of it runs' : `${processes.length} processes of it run`} on in the background (pid ${processes.join(', ')})`;
  if (isCancelled) return `${some} and is being ended`;
  return isOverLimit ? `${some}; what it writes is not stored any more` : some;
}
