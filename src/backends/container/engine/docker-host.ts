import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defined } from '../../../core/defined.ts';
import { HeadgateError, messageOf } from '../../../core/errors.ts';

/** How an engine is reached: a socket, TCP with or without TLS, or through SSH (SPEC {#backend_container}). */
export type DockerHost =
  | { readonly kind: 'unix'; readonly name: string; readonly socket: string }
  | { readonly kind: 'tcp'; readonly name: string; readonly host: string; readonly port: number; readonly tls?: TlsFiles }
  | { readonly kind: 'ssh'; readonly name: string; readonly host: string; readonly port?: number; readonly user?: string };

/** Contents of a TLS folder as `docker` names its files. */
export interface TlsFiles {
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** Environment variables, which are read as `docker` reads them. */
export type DockerEnvironment = Readonly<Record<string, string | undefined>>;

const PORT = 2375;
const TLS_PORT = 2376;

/**
 * The engine that a request means: `host`, else DOCKER_HOST, else the first socket that is there: Docker's, Podman's of
 * the user, Podman's of the system. Throws `invalid_params` for an invalid address, and `not_found` for a TLS folder
 * without its files.
 */
export function dockerHost(request: { host?: string | undefined; tls?: string | undefined }, env: DockerEnvironment): DockerHost {
  if (request.host !== undefined) return parseHost(request.host, request.tls);
  const { DOCKER_HOST: address, DOCKER_CERT_PATH: folder, DOCKER_TLS_VERIFY: verify } = env;
  if (address) return parseHost(address, request.tls ?? (verify ? folder : undefined));
  const sockets = defaultSockets(env);
  return socketHost(sockets.find((socket) => existsSync(socket)) ?? '/var/run/docker.sock');
}

/** Sockets that are tried when nothing names one, the first one first. */
export function defaultSockets(env: DockerEnvironment): readonly string[] {
  const { XDG_RUNTIME_DIR: runtime } = env;
  return ['/var/run/docker.sock', ...(runtime ? [join(runtime, 'podman', 'podman.sock')] : []), '/run/podman/podman.sock'];
}

function parseHost(address: string, tls: string | undefined): DockerHost {
  if (address.startsWith('unix://')) return socketHost(address.slice('unix://'.length) || '/var/run/docker.sock');
  if (address.startsWith('/')) return socketHost(address);
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (!url || url.hostname === '' || url.password !== '') throw unknownHost(address);
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const port = url.port === '' ? undefined : Number(url.port);
  if (url.protocol === 'ssh:') {
    const user = decodeURIComponent(url.username);
    return { kind: 'ssh', name: address, host, ...defined({ port }), ...(user === '' ? {} : { user }) };
  }
  if (url.protocol !== 'tcp:' && url.protocol !== 'http:' && url.protocol !== 'https:') throw unknownHost(address);
  if (url.protocol === 'https:' && tls === undefined) {
    throw new HeadgateError('invalid_params', `${address} needs tls, the folder with ca.pem, cert.pem and key.pem`, {
      field: 'container.tls',
    });
  }
  return {
    kind: 'tcp',
    name: address,
    host,
    port: port ?? (tls === undefined ? PORT : TLS_PORT),
    ...(tls === undefined ? {} : { tls: tlsFiles(tls) }),
  };
}

function socketHost(socket: string): DockerHost {
  return { kind: 'unix', name: `unix://${socket}`, socket };
}

function tlsFiles(folder: string): TlsFiles {
  const read = (name: string): Buffer => {
    try {
      return readFileSync(join(folder, name));
    } catch (error) {
      throw new HeadgateError('not_found', `the TLS folder needs ca.pem, cert.pem and key.pem: ${messageOf(error)}`, {
        field: 'container.tls',
        outcome: 'tls_files_missing',
      });
    }
  };
  return { ca: read('ca.pem'), cert: read('cert.pem'), key: read('key.pem') };
}

function unknownHost(address: string): HeadgateError {
  // An address may hold a password.
  const shown = address.replace(/\/\/[^@/]*@/, '//...@');
  return new HeadgateError('invalid_params', `${shown} is no engine; name unix:///path, tcp://host:port or ssh://[user@]host[:port]`, {
    field: 'container.host',
  });
}
