import type { Transport } from '../../rpc/client/index.ts';
import { LineConnection } from './line-connection.ts';
import type { RemoteRunnerOptions } from './remote-runner.ts';
import { RunnerSocket } from './socket.ts';

/** A runner's connection: JSON and output, and when something last came. */
export interface RunnerConnection extends Transport {
  /** Monotonic milliseconds at which something last came; the opening counts. */
  readonly heardAt: number;
  /** Sends one frame of output. */
  sendFrame(frame: Buffer): void;
}

/** Connects by WebSocket, or with `unix:/path` by the server's socket. Rejects with RpcError when the server refuses, with a system error when no server responds. */
export function connectRunner(options: Pick<RemoteRunnerOptions, 'url' | 'token' | 'tls' | 'clock' | 'signal'>): Promise<RunnerConnection> {
  const { url, clock, signal } = options;
  return url.startsWith('unix:') ? LineConnection.connect(url.slice('unix:'.length), clock, signal) : RunnerSocket.connect(options);
}
