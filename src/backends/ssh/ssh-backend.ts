import { HeadgateError } from '../../core/errors.ts';
import type { SshPlace } from '../../model/place.ts';
import type { Backend, BackendCapabilities, BackendHandle, BackendRef, OutputSink, StartRequest } from '../../model/ports/backend.ts';
import { RemoteProducers, type RemoteProducersOptions } from '../remote/remote-producers.ts';
import { SSH_TIMES, type SshTimes } from './connection.ts';
import { SshHost } from './ssh-host.ts';

export interface SshBackendOptions extends RemoteProducersOptions {
  /** Times of the connections. */
  readonly times?: SshTimes;
}

/** Hosts over SSH by what was said of them, so that their producers share connections. */
export class SshHosts {
  readonly #times: SshTimes;
  readonly #hosts = new Map<string, SshHost>();

  constructor(times: SshTimes = SSH_TIMES) {
    this.#times = times;
  }

  /** The host of a place. Connects when something is run there. */
  host(place: SshPlace): SshHost {
    const key = JSON.stringify([place.host, place.port, place.user, place.identity, place.known_hosts, place.jump]);
    const host = this.#hosts.get(key) ?? new SshHost(place, this.#times);
    this.#hosts.set(key, host);
    return host;
  }

  /** Closes connections that nothing uses at the moment; the others stay. */
  closeUnused(): void {
    for (const host of this.#hosts.values()) host.closeUnused();
  }
}

/** Runs commands on hosts over SSH (SPEC {#backend_ssh}). */
export class SshBackend implements Backend {
  readonly #hosts: SshHosts;
  readonly #producers: RemoteProducers;

  constructor(options: SshBackendOptions, hosts: SshHosts = new SshHosts(options.times)) {
    this.#hosts = hosts;
    this.#producers = new RemoteProducers(options);
  }

  capabilities(): Promise<BackendCapabilities> {
    const signals = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGKILL', 'SIGSTOP', 'SIGCONT', 'SIGUSR1', 'SIGUSR2'];
    return Promise.resolve({
      name: 'ssh',
      available: true,
      stdin: true,
      tty: true,
      signals,
      adopt: true,
      detail: 'Linux hosts with a POSIX sh; terminals where the host has script of util-linux',
    });
  }

  async start(request: StartRequest, sink: OutputSink): Promise<BackendHandle> {
    return await this.#producers.start(this.#hostOf(request), request, {}, sink);
  }

  adopt(request: StartRequest, ref: BackendRef | null, offsets: ReadonlyMap<number, number>, sink: OutputSink): Promise<BackendHandle> {
    return Promise.resolve(this.#producers.adopt(this.#hostOf(request), request, ref ?? {}, offsets, sink));
  }

  #hostOf({ spec }: StartRequest): SshHost {
    if (spec.ssh) return this.#hosts.host(spec.ssh);
    throw new HeadgateError('invalid_params', 'backend "ssh" needs a host: ssh: {"host": "build.example"}', { field: 'ssh' });
  }
}
