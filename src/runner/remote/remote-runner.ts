import { setTimeout as delay } from 'node:timers/promises';
import { Backoff } from '../../core/backoff.ts';
import type { Clock } from '../../core/clock.ts';
import { HeadgateError, messageOf, systemCode } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import { tlsFailure } from '../../core/tls-failure.ts';
import type { Backend } from '../../model/ports/backend.ts';
import type { RunnerObserver } from '../../model/ports/runner.ts';
import { RpcError } from '../../rpc/client/index.ts';
import { connectRunner } from './connection.ts';
import { RunnerSession } from './runner-session.ts';
import type { StateFolder } from './state-folder.ts';

/** Pauses between two attempts to reach the server, milliseconds: the first, and the longest. */
const RETRY = { firstMs: 250, longestMs: 5000 };

export interface RemoteRunnerOptions {
  /** `ws://host:port/rpc`, `wss:`, or `unix:/path` of the server's socket. */
  readonly url: string;
  readonly token?: string;
  /** For `wss:`: who has signed the server's certificate, and the runner's own; PEM. */
  readonly tls: { readonly ca?: Buffer | string; readonly cert?: Buffer | string; readonly key?: Buffer | string };
  readonly name: string;
  readonly labels: readonly string[];
  /** Patterns over aliases of the runs whose commands it takes; none: every run's (SPEC {#runner_owner}). */
  readonly runs: readonly string[];
  /** Version of its program. */
  readonly version: string;
  /** Producers at a time. */
  readonly capacity: number;
  readonly folder: StateFolder;
  /** Name -> backend. */
  readonly backends: ReadonlyMap<string, Backend>;
  /** Left out where nobody looks on. */
  readonly observer?: RunnerObserver | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Aborted when the process is to end; commands go on. */
  readonly signal: AbortSignal;
  /** Told of every registration. */
  readonly registered: () => void;
  /** Told when the server is out of reach, or this process ends. */
  readonly away: () => void;
}

/**
 * Serves a server as its runner until it is stopped or drained (SPEC {#runner_process}). While the server cannot be
 * reached the commands go on and their output grows in their folders; it is dialled again for ever. Throws RpcError when
 * the server refuses the first registration, HeadgateError `stale_epoch` when another runner has taken the name.
 */
export async function serveAsRunner(options: RemoteRunnerOptions): Promise<'stopped' | 'drained'> {
  const { signal, logger } = options;
  let registered = false;
  let draining = false;
  let pauses = new Backoff(RETRY);
  while (!signal.aborted) {
    try {
      const socket = await connectRunner(options);
      const session: RunnerSession = new RunnerSession(socket, { ...options, draining });
      const end = await session.serve((leaseMs) => {
        registered = true;
        // A server that is back counts its lease from its start: a pause must not outlast it.
        pauses = new Backoff({ ...RETRY, longestMs: Math.min(RETRY.longestMs, leaseMs / 3) });
        options.registered();
      });
      options.away();
      if (end === 'drained') return end;
      draining = session.draining;
    } catch (error) {
      options.away();
      // Without a registration that has ever worked, what the server refuses it will refuse again.
      if (!(error instanceof RpcError) || !registered) throwUnlessAway(error);
      if (!registered) throwUnlessSecure(error);
      logger.warn(
        { url: options.url, pauseMs: pauses.nextMs, error: messageOf(error) },
        'the server does not take this runner now; it is tried again',
      );
    }
    await delay(pauses.next(), undefined, { signal }).catch(() => undefined);
  }
  return 'stopped';
}

/** Throws `forbidden` for a server that is not trusted, or does not trust us: it will be the same at the next attempt. */
function throwUnlessSecure(error: unknown): void {
  const what = tlsFailure(systemCode(error));
  if (what !== undefined) throw new HeadgateError('forbidden', `no secure connection: ${what}`, {}, { cause: error });
}

/** Throws an error that another attempt would only meet again: what a server, or another runner, has refused. */
function throwUnlessAway(error: unknown): void {
  if (error instanceof RpcError && error.kind !== 'overloaded') throw error;
  if (error instanceof Error && error.name === 'HeadgateError') throw error;
}
