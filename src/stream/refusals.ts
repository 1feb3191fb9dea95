import { HeadgateError } from '../core/errors.ts';

/** The error for a writer whose lease another runner has (SPEC {#stream_epoch}). */
export function stale(entryId: number, epoch: number, current: number): HeadgateError {
  return new HeadgateError('stale_epoch', `lease ${epoch} of this producer has been taken over (now ${current}); stop writing`, {
    producer: entryId,
    epoch,
    current,
  });
}

/** The error for a reader that asks for bytes which are not there yet (SPEC {#stream_subscribe}). */
export function beyondEnd(from: number, bytes: number): HeadgateError {
  return new HeadgateError(
    'offset_conflict',
    `from ${from} is beyond the end of a channel (${bytes} bytes); name one channel, or read from an offset that is stored`,
    { expected: bytes },
  );
}
