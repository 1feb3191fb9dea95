import { HeadgateError } from '../core/errors.ts';

/** The error for a writer whose lease has gone to somebody else (SPEC {#stream_epoch}). */
export function stale(entryId: number, epoch: number, current: number): HeadgateError {
  return new HeadgateError('stale_epoch', `lease ${epoch} of this producer has been taken over (now ${current}); stop writing`, {
    producer: entryId,
    epoch,
    current,
  });
}
