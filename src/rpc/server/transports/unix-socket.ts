import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { isMainThread } from 'node:worker_threads';
import { HeadgateError, messageOf, systemCode } from '../../../core/errors.ts';
import { connectionRoom } from '../descriptors.ts';

/** What the kernel takes as the path of a socket, its final NUL not counted. */
const MAX_PATH_BYTES = 107;

/**
 * Listens on a unix socket that only its owner may open (mode 0600; SPEC {#transport_unix}). A socket file that a dead
 * server left is replaced; a live one throws `conflict`, and so does a file that is no socket. A path that is too long
 * throws `invalid_params`.
 */
export async function listenOnSocket(path: string, connected: (socket: Socket) => void): Promise<Server> {
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) {
    throw new HeadgateError(
      'invalid_params',
      `socket path "${path}" is longer than ${MAX_PATH_BYTES} bytes; choose a shorter data folder`,
      { field: 'socket' },
    );
  }
  await removeStale(path);
  const server = createServer({ allowHalfOpen: true }, connected);
  const room = connectionRoom();
  if (room !== undefined) server.maxConnections = room;
  await new Promise<void>((resolve, reject) => {
    server.on('error', (error) => {
      reject(new HeadgateError('conflict', `socket ${path} cannot be opened: ${messageOf(error)}`, { path }, { cause: error }));
    });
    // The file must never be there with a wider mode, not even for the moment until chmod.
    const mask = isMainThread ? process.umask(0o177) : undefined;
    try {
      server.listen(path, resolve);
    } finally {
      if (mask !== undefined) process.umask(mask);
    }
  });
  chmodSync(path, 0o600);
  return server;
}

async function removeStale(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found) return;
  if (!found.isSocket()) throw new HeadgateError('conflict', `${path} is there and is no socket; move it away`, { path });
  if (await answers(path)) {
    throw new HeadgateError('conflict', `a server listens on ${path} already; stop it first or use another data folder`, { path });
  }
  try {
    unlinkSync(path);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', (error) => {
      const code = systemCode(error);
      if (code === 'ECONNREFUSED' || code === 'ENOENT') resolve(false);
      // A listener whose queue is full is alive.
      else if (code === 'EAGAIN') resolve(true);
      else reject(new HeadgateError('conflict', `${path} cannot be reached: ${messageOf(error)}`, { path }, { cause: error }));
    });
  });
}
