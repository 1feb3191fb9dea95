import { bootId } from '../../core/boot-id.ts';
import { deferred } from '../../core/deferred.ts';
import { defined } from '../../core/defined.ts';
import { ERRORS, HeadgateError, messageOf } from '../../core/errors.ts';
import { pendingReceipt } from '../../model/records.ts';
import { RpcClient, RpcError } from '../../rpc/client/index.ts';
import { PROTOCOL_VERSION, type ResultOf } from '../../rpc/protocol/table.ts';
import { DEFAULT_REST } from '../rest.ts';
import { createRunner, type Runner } from '../runner.ts';
import type { RunnerConnection } from './connection.ts';
import { Heart } from './heart.ts';
import { RemoteLink } from './remote-link.ts';
import type { RemoteRunnerOptions } from './remote-runner.ts';
import { answererOf, bare } from './requests.ts';

type Registered = ResultOf<'runner/register'>;

/** How long a server may take to return the registration (milliseconds). */
const REGISTER_MS = 10_000;

/**
 * One connection of a runner, from its registration to its end. What it runs is taken up again by every session: so there
 * is one way to go on, after a lost connection as after a kill -9 of either side.
 */
export class RunnerSession {
  readonly #options: RemoteRunnerOptions;
  readonly #socket: RunnerConnection;
  readonly #client: RpcClient;
  readonly #link: RemoteLink;
  readonly #runner: Runner;
  readonly #over = deferred<'away' | 'drained' | HeadgateError | RpcError>();
  #draining: boolean;
  #registered = false;
  /** Output of one command that the server allows; known before it hands anything over. */
  #outputBytes = 0;
  #rest = DEFAULT_REST;
  /** Producers that the server has announced and not handed over yet. */
  readonly #announced = new Set<string>();

  constructor(socket: RunnerConnection, options: RemoteRunnerOptions & { readonly draining: boolean }) {
    const { name, backends, clock, logger, observer } = options;
    this.#options = options;
    this.#draining = options.draining;
    this.#socket = socket;
    const client = new RpcClient(socket);
    const link = new RemoteLink({ call: (method, params) => client.call(method, params), sendFrame: (frame) => socket.sendFrame(frame) });
    const outputBytes = () => this.#outputBytes;
    const rest = () => this.#rest;
    const over = () => this.#leaveWhenDone();
    const runner = createRunner({
      name,
      link: observer?.link(link) ?? link,
      backends,
      clock,
      logger,
      outputBytes,
      rest,
      bootId: bootId(),
      over,
    });
    client.on('runner/ack', (ack) => link.acked(ack));
    client.on('runner/nack', (nack) => link.nacked(nack));
    client.on('runner/fenced', ({ reason, message }) => {
      logger.warn({ reason, message }, 'the server takes nothing more from this connection');
      // Whose lease is over registers again and ends what is lost; who was replaced would only throw the other one out.
      this.#over.resolve(reason === 'lease' ? 'away' : new HeadgateError('stale_epoch', message, { runner: name }));
    });
    client.on('headgate/hello', ({ protocol, version }) => this.#greeted(protocol, version));
    client.onClose(() => this.#over.resolve('away'));
    client.answer(
      answererOf({
        runner,
        link,
        name,
        taken: (id, producer) => {
          observer?.taken(producer);
          this.#announced.delete(id);
        },
        drain: () => this.#drain(),
      }),
    );
    this.#client = client;
    this.#link = link;
    this.#runner = runner;
  }

  /** It finishes what it has and takes no more. */
  get draining(): boolean {
    return this.#draining;
  }

  /**
   * Registers and serves. Returns `away` when the connection is gone or the process is to end, `drained` when everything
   * is finished. `registered` is called with the lease in milliseconds. Throws what the registration was refused with, and `stale_epoch` when another runner has its place.
   */
  async serve(registered: (leaseMs: number) => void): Promise<'away' | 'drained'> {
    const { signal } = this.#options;
    const onAbort = () => this.#over.resolve('away');
    signal.addEventListener('abort', onAbort, { once: true });
    let heart: Heart | undefined;
    try {
      const answer = await this.#registration();
      if (answer instanceof Error) throw answer;
      if (typeof answer === 'string') return answer;
      this.#outputBytes = answer.output_bytes;
      if (answer.rest) {
        this.#rest = answer.rest;
        this.#link.takeLeftovers();
      }
      this.#options.folder.remember(answer.store);
      for (const id of answer.adopt) this.#announced.add(id);
      this.#registered = true;
      for (const one of answer.release) this.#release(one);
      heart = this.#beat(answer.lease_ms);
      registered(answer.lease_ms);
      this.#leaveWhenDone();
      const how = await this.#over.promise;
      if (how instanceof Error) throw how;
      return how;
    } finally {
      heart?.stop();
      signal.removeEventListener('abort', onAbort);
      // First it lets go: a failure from here on loses nothing.
      const closing = this.#runner.close();
      this.#socket.close();
      await closing;
      this.#link.fail();
    }
  }

  /** The answer to the registration, or how the session ends before there is one: nothing is waited for without limit. */
  async #registration(): Promise<Registered | 'away' | 'drained' | HeadgateError | RpcError> {
    const late = setTimeout(() => {
      this.#options.logger.warn({ timeoutMs: REGISTER_MS }, 'the server does not answer the registration; it is dialled again');
      this.#over.resolve('away');
    }, REGISTER_MS);
    try {
      return await Promise.race([this.#register(), this.#over.promise]);
    } finally {
      clearTimeout(late);
    }
  }

  /** A server of another protocol would refuse the registration for a field that it does not know. */
  #greeted(protocol: number, version: string): void {
    if (protocol === PROTOCOL_VERSION) return;
    const message = `this server (Headgate ${version}) speaks protocol ${protocol}, this runner (Headgate ${this.#options.version}) speaks ${PROTOCOL_VERSION}; install the same version on both`;
    this.#over.resolve(new RpcError({ code: ERRORS.conflict.code, message, data: { name: 'conflict', protocol, version } }));
  }

  async #register(): Promise<Registered> {
    const { name, labels, backends, capacity, folder, runs, version } = this.#options;
    const boot = bootId();
    return await this.#client.call('runner/register', {
      name,
      labels: [...labels],
      backends: [...backends.keys()],
      capacity,
      instance: folder.instance,
      ...defined({ store: folder.store }),
      ...(boot === null ? {} : { boot_id: boot }),
      ...(this.#draining ? { draining: true } : {}),
      ...(runs.length === 0 ? {} : { for: [...runs] }),
      protocol: PROTOCOL_VERSION,
      version,
      resume: folder.list().map((producer) => ({ producer })),
    });
  }

  /** A producer that is over: processes that still run are ended and the receipt reported; then its folder is removed. */
  #release({ producer: id, epoch, kill }: Registered['release'][number]): void {
    const { folder, name, clock, logger } = this.#options;
    if (!kill) return folder.remove(id);
    logger.warn({ producer: id, reason: kill.reason }, 'a command has ended for the server while this runner was away; it is ended now');
    const producer = bare(id, name);
    this.#link.open(producer.entryId, id, undefined);
    const receipt = pendingReceipt(kill, clock.now());
    this.#runner.adopt({ ...producer, epoch, spec: folder.spec(id) ?? producer.spec, receipt }, new Map());
  }

  #drain(): void {
    this.#draining = true;
    this.#leaveWhenDone();
  }

  #leaveWhenDone(): void {
    if (this.#draining && this.#registered && this.#announced.size === 0 && this.#runner.size === 0) this.#over.resolve('drained');
  }

  /** Renews the lease; leaves a server that sends nothing, before that server would take this runner for lost. */
  #beat(leaseMs: number): Heart {
    const { clock, logger } = this.#options;
    return new Heart({
      leaseMs,
      clock,
      heard: () => this.#socket.heardAt,
      beat: () => {
        this.#client
          .call('runner/heartbeat', {})
          .catch((error: unknown) => logger.debug({ error: messageOf(error) }, 'a heartbeat was not answered'));
      },
      silent: () => {
        logger.warn({ leaseMs }, 'nothing comes from the server; it is dialled again');
        this.#over.resolve('away');
      },
    });
  }
}
