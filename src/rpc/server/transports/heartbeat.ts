import type { Socket } from 'node:net';

/** Between two looks at whether a peer is there. */
export const PING_MS = 15_000;
/** Looks without a sign of life after which a connection is ended. */
const MISSES = 2;

/**
 * Looks at a connection every `everyMs`: calls `dead` when its peer has shown no sign of life for two intervals, `beat`
 * otherwise (SPEC {#ping}). It lives when bytes came in, or when a full network buffer took more: only an
 * acknowledgement makes room there, so a slow reader that has a megabyte before it is not taken for a dead one.
 *
 * @param o - `answers`: whether the peer's answer to a beat would be heard, so that silence tells; of one that only listens nothing is expected
 * while everything sent to it is with the kernel, which ends a connection that acknowledges nothing (SPEC {#half_open})
 * @returns how to stop it
 */
export function watchPeer(tcp: Socket, o: { everyMs: number; answers: () => boolean; beat: () => void; dead: () => void }): () => void {
  let misses = 0;
  let seen = { read: -1, flushed: -1, backedUp: false };
  const heart = setInterval(() => {
    const now = { read: tcp.bytesRead, flushed: tcp.bytesWritten - tcp.writableLength, backedUp: tcp.writableLength > 0 };
    const lives = now.read !== seen.read || (seen.backedUp ? now.flushed !== seen.flushed : !o.answers());
    seen = now;
    misses = lives ? 0 : misses + 1;
    if (misses >= MISSES) o.dead();
    else o.beat();
  }, o.everyMs);
  heart.unref();
  return () => clearInterval(heart);
}
