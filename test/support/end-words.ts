import type { Ending } from '../../src/rpc/client/index.ts';

const ESC = String.fromCharCode(27);

/** Ends with the words that every client shows for them (SPEC {#end_words}). */
export const END_WORDS: readonly (readonly [Ending, string])[] = [
  [{ status: 200, outcome: null, exit_code: 0 }, 'exit 0'],
  [{ status: 200, outcome: null }, 'done'],
  [{ status: 200, outcome: 'detached', exit_code: 0 }, 'exit 0'],
  [{ status: 200, outcome: 'detached' }, 'detached'],
  [{ status: 500, outcome: 'exit:3', exit_code: 3 }, 'exit 3'],
  [{ status: 500, outcome: 'exit:3' }, 'exit 3'],
  [{ status: 500, outcome: 'signal:SIGKILL', signal: 'SIGKILL' }, 'ended by SIGKILL'],
  [{ status: 500, outcome: 'signal:SIGTERM', signal: 'SIGTERM', exit_code: 143 }, 'ended by SIGTERM'],
  [{ status: 500, outcome: 'signal:SIGKILL' }, 'ended by SIGKILL'],
  [{ status: 500, outcome: 'timeout', signal: 'SIGTERM' }, 'timed out'],
  [{ status: 500, outcome: 'timeout', exit_code: 1 }, 'timed out'],
  [{ status: 500, outcome: 'output_limit', signal: 'SIGPIPE' }, 'wrote more than it may'],
  [{ status: 500, outcome: 'lifetime', signal: 'SIGTERM' }, 'ran for longer without its server than it may'],
  [{ status: 500, outcome: 'damaged', exit_code: 0 }, 'damaged, exit 0'],
  [{ status: 500, outcome: 'damaged', exit_code: 3 }, 'damaged, exit 3'],
  [{ status: 500, outcome: 'lost' }, 'lost'],
  [{ status: 500, outcome: 'cwd_missing' }, 'cwd missing'],
  [{ status: 500, outcome: null }, 'failed'],
  [{ status: 500, outcome: `bad${ESC}[2J` }, 'bad⟨ESC⟩[2J'],
  [{ status: 403, outcome: 'rejected' }, 'rejected'],
  [{ status: 403, outcome: 'denied' }, 'denied'],
  [{ status: 403, outcome: null }, 'rejected'],
  [{ status: 409, outcome: 'changed' }, 'not done'],
  [{ status: 499, outcome: null, signal: 'SIGTERM' }, 'cancelled'],
  [{ status: 499, outcome: 'aborted' }, 'aborted'],
  [{ status: 499, outcome: 'cancelled', exit_code: 0 }, 'cancelled'],
];
