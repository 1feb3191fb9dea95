import { HeadgateError } from '../../core/errors.ts';
import type { BackendHandle, BackendRef, ExitFact } from '../../model/ports/backend.ts';
import { emptyReceipt } from '../../model/records.ts';

/** A producer of a plugin that ended with the server it ran in: lost, with a message that says what to do. */
export function endedRun(ref: BackendRef, message: string): BackendHandle {
  const exit: ExitFact = { exitCode: null, signal: null, failure: { outcome: 'lost', message } };
  const over = async () => {
    throw new HeadgateError('conflict', message);
  };
  return {
    ref,
    exited: Promise.resolve(exit),
    closed: Promise.resolve({ detached: [] }),
    write: over,
    closeInput: over,
    resize: over,
    signal: over,
    kill: async (request) => emptyReceipt(request, Date.now()),
    detach: async () => {},
    dispose: async () => {},
  };
}
