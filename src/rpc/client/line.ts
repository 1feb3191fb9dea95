import type { RpcClient } from './client.ts';
import { ConnectionClosed } from './errors.ts';

/** A reader over a connection that may be lost and made again. */
export interface LineUser {
  /** There is a connection, bound to its project; nothing of the one before is subscribed any more. */
  opened(rpc: RpcClient): void;
  /** It is gone; another one may come. */
  closed(): void;
  /** There will be none any more. */
  lost(error: Error): void;
}

/** One connection after the other to the same server. */
export interface Line {
  /** Passes `user` the connection, and each later one; returns a function that removes the user. */
  join(user: LineUser): () => void;
  /** Sequence number of the newest event that this line was told. */
  readonly seenSeq: number;
}

/** A line that is no longer than one connection. */
export function lineOf(rpc: RpcClient): Line {
  return {
    seenSeq: 0,
    join: (user) => {
      user.opened(rpc);
      return rpc.onClose((reason) => {
        user.closed();
        user.lost(new ConnectionClosed(reason, { final: true }));
      });
    },
  };
}
