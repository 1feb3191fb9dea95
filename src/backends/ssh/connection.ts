import { readFileSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { AnyAuthMethod, Client, ClientChannel, ServerHostKeyAlgorithm, utils } from 'ssh2';
import { HeadgateError, systemCode } from '../../core/errors.ts';
import { KnownHosts } from './known-hosts.ts';
import { connectError, keyError } from './ssh-errors.ts';
import type { SshTarget } from './target.ts';

/** Times of a connection, milliseconds. */
export interface SshTimes {
  /** Until it is ready for use. */
  readonly connectMs: number;
  /** Between two questions whether the other side is there; after three without an answer the link is lost. */
  readonly keepAliveMs: number;
}

export const SSH_TIMES: SshTimes = { connectMs: 15_000, keepAliveMs: 5000 };
const KEEP_ALIVE_COUNT = 3;

/** Host key algorithms, the best first; for RSA keys the two that are still safe. */
const KEY_ALGORITHMS: readonly { readonly type: string; readonly algorithms: readonly ServerHostKeyAlgorithm[] }[] = [
  { type: 'ssh-ed25519', algorithms: ['ssh-ed25519'] },
  { type: 'ecdsa-sha2-nistp256', algorithms: ['ecdsa-sha2-nistp256'] },
  { type: 'ecdsa-sha2-nistp384', algorithms: ['ecdsa-sha2-nistp384'] },
  { type: 'ecdsa-sha2-nistp521', algorithms: ['ecdsa-sha2-nistp521'] },
  { type: 'ssh-rsa', algorithms: ['rsa-sha2-512', 'rsa-sha2-256'] },
];

type ParseKey = typeof utils.parseKey;

/** One connection to a host, through others if need be. */
export class SshConnection {
  readonly #clients: readonly Client[];
  readonly #socket: Socket;
  /** Resolves when it is of no more use, with the reason. */
  readonly lost: Promise<unknown>;
  isLost = false;

  private constructor(clients: readonly Client[], socket: Socket, lost: Promise<unknown>) {
    this.#clients = clients;
    this.#socket = socket;
    this.lost = lost;
    void lost.then(() => {
      this.isLost = true;
      this.close();
    });
  }

  /** Connects along a way. Throws a named error that says which host, and why. */
  static async open(way: readonly SshTarget[], times: SshTimes): Promise<SshConnection> {
    const [first, ...others] = way;
    if (!first) throw new Error('a way of no hosts');
    const clients: Client[] = [];
    const losses: Promise<unknown>[] = [];
    let socket: Socket | undefined;
    try {
      socket = await dial(first, times);
      let { client, lost } = await logIn(first, socket, times);
      clients.push(client);
      losses.push(lost);
      for (const target of others) {
        const stream = await forward(client, target);
        ({ client, lost } = await logIn(target, stream, times));
        clients.push(client);
        losses.push(lost);
      }
    } catch (error) {
      for (const client of clients.reverse()) client.destroy();
      socket?.destroy();
      throw error;
    }
    return new SshConnection(clients, socket, Promise.race(losses));
  }

  /** Runs a command line of the login shell. Rejects when the host opens no further channel. */
  exec(command: string): Promise<ClientChannel> {
    return new Promise((resolve, reject) => {
      this.#last().exec(command, (error, channel) => (error ? reject(error) : resolve(channel)));
    });
  }

  /** A stream to a unix socket on the host. */
  forwardSocket(path: string): Promise<Duplex> {
    return new Promise((resolve, reject) => {
      this.#last().openssh_forwardOutStreamLocal(path, (error, channel) => (error ? reject(error) : resolve(channel)));
    });
  }

  /** Whether this connection alone keeps the process from ending. */
  hold(on: boolean): void {
    if (on) this.#socket.ref();
    else this.#socket.unref();
  }

  close(): void {
    for (const client of [...this.#clients].reverse()) client.end();
    this.#socket.destroy();
  }

  #last(): Client {
    const client = this.#clients.at(-1);
    if (!client) throw new Error('a connection of no clients');
    return client;
  }
}

function dial(target: SshTarget, { connectMs }: SshTimes): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: target.host, port: target.port, noDelay: true });
    const timer = setTimeout(() => socket.destroy(new Error(`no answer in ${connectMs} ms`)), connectMs);
    socket.once('error', (error) => {
      clearTimeout(timer);
      reject(connectError(target, error));
    });
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.removeAllListeners('error');
      // Until the library listens: an unhandled error event would end this process.
      socket.on('error', () => {});
      resolve(socket);
    });
  });
}

function forward(client: Client, target: SshTarget): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    client.forwardOut('127.0.0.1', 0, target.host, target.port, (error, stream) => {
      if (error) reject(connectError(target, error));
      else resolve(stream);
    });
  });
}

async function logIn(target: SshTarget, sock: Duplex, times: SshTimes): Promise<{ client: Client; lost: Promise<unknown> }> {
  const known = new KnownHosts(target.knownHosts, target.keyAlias ?? target.host, target.keyAlias === undefined ? target.port : 22);
  // Loaded when it is needed: it takes longer than the rest of a server's start.
  const { default: ssh2 } = await import('ssh2');
  const methods = authMethods(target, ssh2.utils.parseKey);
  if (sock.destroyed) throw connectError(target, sock.errored ?? new Error('the host closed the connection'));
  const client = new ssh2.Client();
  let refused: HeadgateError | undefined;
  const lost = new Promise<unknown>((resolve) => {
    client.on('error', resolve);
    client.once('close', () => resolve(new Error('the connection was closed')));
  });
  await new Promise<void>((resolve, reject) => {
    const fail = (error: unknown): void => reject(refused ?? connectError(target, error));
    client.once('ready', resolve);
    client.once('error', fail);
    client.once('close', () => fail(new Error('the host closed the connection')));
    client.connect({
      sock: sock as unknown as Socket,
      username: target.user,
      readyTimeout: times.connectMs,
      keepaliveInterval: times.keepAliveMs,
      keepaliveCountMax: KEEP_ALIVE_COUNT,
      authHandler: methods,
      hostVerifier: (key: Buffer) => {
        refused = keyError(target, key, known.check(key));
        return refused === undefined;
      },
      algorithms: {
        serverHostKey: keyAlgorithms(known.types),
        // Those that processors do in hardware first: half the CPU of chacha20.
        cipher: [
          'aes128-gcm@openssh.com',
          'aes256-gcm@openssh.com',
          'chacha20-poly1305@openssh.com',
          'aes128-ctr',
          'aes192-ctr',
          'aes256-ctr',
        ],
      },
    });
  });
  return { client, lost };
}

/** Algorithms for the key types that are known of the host first. */
function keyAlgorithms(known: readonly string[]): ServerHostKeyAlgorithm[] {
  const isKnown = ({ type }: { readonly type: string }): boolean => known.includes(type);
  return [...KEY_ALGORITHMS.filter(isKnown), ...KEY_ALGORITHMS.filter((entry) => !isKnown(entry))].flatMap(({ algorithms }) => algorithms);
}

/** The keys in the order in which they are offered: a file that was asked for, the agent, the usual files. */
function authMethods(target: SshTarget, parse: ParseKey): AnyAuthMethod[] {
  const { user: username, agent, identityAsked } = target;
  const files = target.identities.flatMap((file) => readKey(target, file, parse));
  const keys = files.map((key): AnyAuthMethod => ({ type: 'publickey', username, key }));
  const fromAgent: AnyAuthMethod[] = agent === undefined ? [] : [{ type: 'agent', username, agent }];
  return [{ type: 'none', username }, ...(identityAsked ? [...keys, ...fromAgent] : [...fromAgent, ...keys])];
}

/** The key of a file; none where it is not there, or the agent is to have it, since it is encrypted. */
function readKey({ name, identityAsked, agent }: SshTarget, file: string, parse: ParseKey): Buffer[] {
  let text: Buffer;
  try {
    text = readFileSync(file);
  } catch (error) {
    if (!identityAsked && systemCode(error) !== undefined) return [];
    throw new HeadgateError(
      'not_found',
      `the private key ${file} for host ${name} cannot be read (${systemCode(error) ?? 'unknown'}); name another with identity`,
      {
        outcome: 'key_missing',
        host: name,
        file,
      },
    );
  }
  const parsed = parse(text);
  if (!(parsed instanceof Error)) return [text];
  if (!identityAsked || agent !== undefined) return [];
  const encrypted = /encrypted|passphrase/i.test(parsed.message);
  throw new HeadgateError(
    'forbidden',
    encrypted
      ? `the private key ${file} for host ${name} is encrypted, and there is no agent that has it; run ssh-add ${file}, and start the runner with SSH_AUTH_SOCK`
      : `the private key ${file} for host ${name} cannot be used: ${parsed.message}`,
    { outcome: encrypted ? 'key_encrypted' : 'key_invalid', host: name, file },
  );
}
