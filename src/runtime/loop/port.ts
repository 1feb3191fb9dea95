import type { Loop, Run } from '../../model/records.ts';

/** What takes the loops of a run from prompt to end: the built-in one, which asks a model, or an agent of others (SPEC {#run_drivers}). */
export interface LoopDriver {
  /**
   * Does the next step of the active loop, or several. What comes next is read from the store each time, so that another server goes on with it.
   * Throws the signal's reason once it is aborted.
   */
  advance(run: Run, loop: Loop, signal: AbortSignal): Promise<void>;
  /** Called when no loop is active: brings to an end what the last one has left at work. */
  settle?(run: Run, signal: AbortSignal): Promise<void>;
}
