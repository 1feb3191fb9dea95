import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isIP, type Server, type Socket } from 'node:net';
import { createSecureContext } from 'node:tls';
import { defined } from '../../../core/defined.ts';
import { HeadgateError, messageOf } from '../../../core/errors.ts';

/** Files of a server that encrypts its connections, in PEM. */
export interface TlsFiles {
  /** Its certificate, then those between it and the root. */
  readonly cert: string;
  readonly key: string;
  /** Who has to have signed a client's certificate; without it clients need none. */
  readonly clientCa?: string;
}

/** What a server needs to encrypt its connections (SPEC {#tls}). */
export interface Tls {
  readonly options: {
    readonly cert: Buffer;
    readonly key: Buffer;
    readonly ca?: Buffer;
    readonly requestCert: boolean;
    readonly rejectUnauthorized: boolean;
  };
  /** Whether the certificate is for this name or address. */
  certifies(host: string): boolean;
}

/**
 * Connections that have not agreed on their encryption yet. A server waits for them when it closes, and has no way to end
 * them: to HTTP they do not exist before. A server without TLS has none.
 */
export class Handshakes {
  readonly #waiting = new Map<string, Socket>();

  constructor(server: Server) {
    if (server.listenerCount('secureConnection') === 0) return;
    server.on('connection', (socket: Socket) => {
      const name = nameOf(socket);
      this.#waiting.set(name, socket);
      socket.once('close', () => {
        if (this.#waiting.get(name) === socket) this.#waiting.delete(name);
      });
    });
    server.on('secureConnection', (socket: Socket) => void this.#waiting.delete(nameOf(socket)));
  }

  /** Ends them. */
  close(): void {
    for (const socket of this.#waiting.values()) socket.destroy();
  }
}

/** The other end of a connection, which is the same before and after its encryption. */
function nameOf({ remoteAddress = '', remotePort = 0 }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

/** Reads the files. Throws `invalid_params` that names what cannot be read or does not go together. */
export function readTls({ cert: certFile, key: keyFile, clientCa }: TlsFiles): Tls {
  const cert = read(certFile, '--tls-cert');
  const key = read(keyFile, '--tls-key');
  const ca = clientCa === undefined ? undefined : read(clientCa, '--tls-client-ca');
  const certificate = parsed(cert, certFile, '--tls-cert');
  if (ca !== undefined && clientCa !== undefined) parsed(ca, clientCa, '--tls-client-ca');
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    throw refused('--tls-key', keyFile, `it is not the key of ${certFile} (${messageOf(error)})`);
  }
  return {
    options: { cert, key, requestCert: ca !== undefined, rejectUnauthorized: ca !== undefined, ...defined({ ca }) },
    certifies: (host) => (isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)) !== undefined,
  };
}

function read(file: string, option: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw refused(option, file, `it cannot be read (${messageOf(error)})`);
  }
}

function parsed(pem: Buffer, file: string, option: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw refused(option, file, 'there is no certificate in it; it has to be PEM');
  }
}

function refused(option: string, file: string, why: string): HeadgateError {
  return new HeadgateError('invalid_params', `${option} ${file}: ${why}`, { field: option, file });
}
