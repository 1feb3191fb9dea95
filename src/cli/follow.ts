import type { Runtime, StreamEnd } from '../rpc/client/index.ts';

export type { StreamEnd };

/** What to follow, and who takes it. */
export interface FollowOptions {
  readonly run: string;
  /** The log entry's path. */
  readonly path: string;
  /** Channel numbers and the byte offset each begins at. */
  readonly channels: ReadonlyMap<number, number>;
  /** Takes the bytes of each channel in order; the next piece of a channel waits until it resolves. */
  readonly take: (channel: number, bytes: Buffer) => Promise<void> | void;
  readonly signal?: AbortSignal;
  /** Secrets are masked. */
  readonly redact?: true;
}

/**
 * Reads channels of one producer from their offsets to their end: no byte lost, none twice, none held beyond a few MiB
 * however slow the reader is, also over a restart of the server (SPEC {#cli_follow}). Returns undefined when `signal`
 * is aborted; the subscriptions then end with the session.
 */
export async function follow(session: Runtime, options: FollowOptions): Promise<StreamEnd | undefined> {
  const { signal } = options;
  if (signal?.aborted) return undefined;
  const whole = Promise.all([...options.channels].map(([channel, from]) => followChannel(session, options, channel, from)));
  whole.catch(() => {});
  let forget = () => {};
  const aborted = new Promise<undefined>((resolve) => {
    const onAbort = () => resolve(undefined);
    signal?.addEventListener('abort', onAbort, { once: true });
    forget = () => signal?.removeEventListener('abort', onAbort);
  });
  try {
    return await Promise.race([whole.then(([end]) => end), aborted]);
  } finally {
    forget();
  }
}

async function followChannel(session: Runtime, options: FollowOptions, channel: number, from: number): Promise<StreamEnd> {
  const { run, path, signal, redact } = options;
  const pieces = session.follow(run, path, { channel, from, ...(signal ? { signal } : {}), ...(redact ? { redact } : {}) });
  for (let next = await pieces.next(); ; next = await pieces.next()) {
    if (next.done) return next.value;
    const { bytes } = next.value;
    await options.take(channel, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  }
}
