import { messageOf } from '../core/errors.ts';
import { Digests } from '../digest/index.ts';
import { terminalOf } from './channels.ts';
import type { StreamsOptions } from './types.ts';

/** The digests of a server's channels. */
export function digestsOf({ store, logger }: StreamsOptions): Digests {
  return new Digests({
    channels: store.channels,
    sizeOf: (id) => terminalOf(store, id),
    failed: (error) => logger.error({ error: messageOf(error) }, 'following output for its digest failed; it is made when it is asked for'),
  });
}
