import type { Clock } from '../core/clock.ts';
import { HeadgateError, messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { KillRequest } from '../model/ports/backend.ts';
import type { RemoteRunnerPort, RunnerPort } from '../model/ports/runner.ts';
import type { Store } from '../model/ports/store.ts';
import { parseProducerId, producerIdOf } from '../model/producer-id.ts';
import { type AskedKill, askedKill, openLeftover, type Producer, type RunnerAssignment, type RunnerRecord } from '../model/records.ts';
import { isLive, LIVE_STATES } from '../model/status.ts';
import { Leases } from './leases.ts';
import { fitting, type Offered, waitReason } from './placement.ts';

/** Names that stand for something else than a registered runner. */
const RESERVED = ['client', 'embedded', 'server'];

/** Names that one owner may have, who is no admin. */
const NAMES_PER_OWNER = 100;

/** Pause before the loss of a runner's producers is tried to be stored again (milliseconds). */
const LOSE_AGAIN_MS = 1000;

/** What a runner offers when it registers. */
export interface RunnerOffer extends Omit<RunnerRecord, 'epoch' | 'lastSeen'> {
  /** It finishes what it has and takes no more. */
  readonly draining: boolean;
  /** Names of the producers that its state folder holds. */
  readonly resume: readonly string[];
}

/** What becomes of a producer that a runner offers and that is over: ended with its tree, or only forgotten. */
export interface Release {
  readonly producer: string;
  readonly epoch: number;
  /** Why its processes are to be ended; null when there is nothing to end. */
  readonly kill: AskedKill | null;
}

/** The answer to a registration. */
export interface Registration {
  readonly runner: RunnerRecord;
  readonly leaseMs: number;
  /** Names of the producers that it will be asked to take up. */
  readonly adopt: readonly string[];
  readonly release: readonly Release[];
}

/** A registered runner as `runner/list` shows it. */
export interface RunnerView extends RunnerRecord {
  /** Producers that it has. */
  readonly live: number;
  readonly state: 'ready' | 'draining' | 'away';
}

/** What the fleet asks of the producers' registry. */
export interface FleetHands {
  /** A live producer under a new lease number, with its stored offsets; undefined when it is over. */
  retake(entryId: number): { readonly producer: Producer; readonly offsets: ReadonlyMap<number, number> } | undefined;
  /** No runner will bring its output any more. */
  lose(entryId: number, message: string): void;
  /** No runner will follow any more what runs on of it. */
  leave(entryId: number): void;
}

/** A runner that is connected. */
interface Member {
  readonly record: RunnerRecord;
  readonly port: RemoteRunnerPort;
  draining: boolean;
  /** It has been told what to take up, and may be given more. */
  ready: boolean;
}

/**
 * Who runs what: the embedded runner, and those that register over a connection, by name or label, within their
 * capacity. What no runner can take waits here (SPEC {#runner_selection}); what a runner has is lost when the runner stays
 * away for longer than its lease (SPEC {#runner_lease}).
 */
export class Fleet {
  readonly #store: Pick<Store, 'producers' | 'runners'>;
  readonly #logger: Logger;
  readonly #hands: FleetHands;
  readonly #leases: Leases;
  readonly #local = new Map<string, RunnerPort>();
  readonly #members = new Map<string, Member>();
  /** Every runner that has ever registered, as it last did. */
  readonly #records: Map<string, RunnerRecord>;
  /** Ids of accepted producers that no runner has yet, the oldest first. */
  readonly #waiting = new Set<number>();
  /** Live producers by the state folder that has them. */
  readonly #load = new Map<number, RunnerAssignment>();
  #scheduled = false;
  #closed = false;

  constructor(options: { store: Pick<Store, 'producers' | 'runners'>; clock: Clock; logger: Logger; leaseMs: number; hands: FleetHands }) {
    this.#store = options.store;
    this.#logger = options.logger;
    this.#hands = options.hands;
    this.#records = new Map(options.store.runners.list().map((record) => [record.name, record]));
    this.#leases = new Leases({ leaseMs: options.leaseMs, clock: options.clock, over: (instance) => this.#lose(instance) });
  }

  /** Makes a runner of this process known under its name. */
  attach(runner: RunnerPort): void {
    this.#local.set(runner.name, runner);
  }

  /**
   * Takes a runner on. One that has the same name or the same state folder is fenced. Throws `invalid_params` for a
   * reserved name and, unless `anyName` is true, `forbidden` for one that a runner of another caller has, `conflict` for one too many.
   */
  register(offer: RunnerOffer, port: RemoteRunnerPort, anyName: boolean): Registration {
    const { draining, resume, ...facts } = offer;
    if (RESERVED.includes(offer.name)) {
      throw new HeadgateError('invalid_params', `"${offer.name}" has a meaning of its own; give the runner another name`, {
        field: 'name',
      });
    }
    if (!anyName) this.#requireOwn(offer);
    for (const [name, member] of this.#members) {
      if (name !== offer.name && member.record.instance !== offer.instance) continue;
      this.#members.delete(name);
      this.#leases.renew(member.record.instance);
      member.port.fence('replaced', `another runner has registered as "${offer.name}"; this one has to stop`);
    }
    const record = this.#store.runners.register(facts);
    this.#records.set(record.name, record);
    this.#members.set(record.name, { record, port, draining, ready: false });
    this.#leases.renew(record.instance);
    this.#logger.info({ runner: record.name, epoch: record.epoch }, 'a runner has registered');
    const release = resume.flatMap((id) => this.#releaseOf(id, record.instance) ?? []);
    const adopt = this.#followedOf(record.instance).map(producerIdOf);
    return { runner: record, leaseMs: this.#leases.leaseMs, adopt, release };
  }

  /** Hands a registered runner what it has to take up, once it has its answer; then it may be given more. */
  begin(port: RemoteRunnerPort): void {
    const member = this.#memberOf(port);
    if (!member) return;
    const { name, instance } = member.record;
    member.ready = true;
    for (const { entryId, assigned } of this.#followedOf(instance)) {
      // The folder counts, not the name under which its runner was started.
      if (assigned?.runner !== name) this.#store.producers.update(entryId, { assigned: { runner: name, instance } });
      const taken = this.#hands.retake(entryId);
      if (taken) port.adopt(taken.producer, taken.offsets);
    }
    this.#placeWaiting();
  }

  /** Id of the database whose producers these are. */
  get storeId(): string {
    return this.#store.runners.storeId;
  }

  /** The log entry of a producer that was given to a state folder, by the name that runners use. Throws `not_found`. */
  entryOf(id: string, instance: string): number {
    const known = parseProducerId(id);
    const producer = known && this.#store.producers.get(known.entryId);
    if (producer && producer.createdAt === known.createdAt) {
      if (producer.assigned?.instance === instance) return producer.entryId;
      throw new HeadgateError('not_found', `producer "${id}" was not given to this runner; only who has it tells of it`, { producer: id });
    }
    throw new HeadgateError('not_found', `no producer "${id}"; its run has been deleted`, { producer: id });
  }

  /** The name that runners use for a producer. Throws `not_found`. */
  idOf(entryId: number): string {
    const producer = this.#store.producers.get(entryId);
    if (producer) return producerIdOf(producer);
    throw new HeadgateError('not_found', 'the run of this producer has been deleted', { producer: entryId });
  }

  /** True while there is nothing of it that the server could have killed: a client runs it, or no runner has it yet. */
  unserved({ runner, assigned }: Producer): boolean {
    return !assigned && !this.#local.has(runner);
  }

  /** Something has come from a registered runner: its lease is renewed, in memory. `instance` is not fenced. */
  heard(instance: string): void {
    this.#leases.renew(instance);
  }

  /** A sign of life. */
  seen(port: RemoteRunnerPort): void {
    const member = this.#memberOf(port);
    if (!member) return;
    this.#leases.renew(member.record.instance);
    this.#storeSeen(member.record.name);
  }

  /** Its connection has ended; the lease counts from now. */
  gone(port: RemoteRunnerPort): void {
    const member = this.#memberOf(port);
    if (!member || this.#closed) return;
    const { name, instance } = member.record;
    this.#leases.renew(instance);
    this.#members.delete(name);
    this.#logger.warn({ runner: name }, 'a runner is away');
    this.#storeSeen(name);
  }

  /** Boot of the machine that will run what is accepted for this runner now; null for one that registers, until it has it. */
  bootIdOf(runner: string): string | null {
    return this.#local.get(runner)?.bootId ?? null;
  }

  /** Gives it no more. Throws `not_found` for one that is not connected. */
  drain(name: string): void {
    const member = this.#members.get(name);
    if (!member)
      throw new HeadgateError('not_found', `no runner "${name}" is connected; runner/list shows those there are`, { runner: name });
    member.draining = true;
    member.port.drain();
  }

  /** Forgets a runner that is gone for good. Throws `not_found`, and `conflict` while it is there or has commands. */
  forget(name: string): void {
    const record = this.#records.get(name);
    if (!record)
      throw new HeadgateError('not_found', `no runner "${name}" has registered; runner/list shows those that have`, { runner: name });
    if (this.#members.has(name)) throw new HeadgateError('conflict', `runner "${name}" is there; stop it first`, { runner: name });
    const live = this.#liveOf(record.instance).length;
    if (live > 0) {
      throw new HeadgateError('conflict', `runner "${name}" has ${live} live commands; they end with its lease, forget it then`, {
        runner: name,
        live,
      });
    }
    for (const { entryId } of this.#followedOf(record.instance)) this.#hands.leave(entryId);
    this.#store.runners.remove(name);
    this.#records.delete(name);
  }

  /** Every runner that has ever registered. */
  list(): RunnerView[] {
    const live = [...this.#load.values()];
    return this.#store.runners.list().map((record) => {
      return { ...record, state: this.#offered(record).state, live: live.filter(({ runner }) => runner === record.name).length };
    });
  }

  /** Starts an accepted producer where it belongs, or keeps it until there is such a place. */
  place(producer: Producer): void {
    const local = this.#local.get(producer.runner);
    if (local) return local.start(producer);
    this.#waiting.add(producer.entryId);
    this.#placeOne(producer);
  }

  /** Takes up a live producer after a start of the server. */
  resume(producer: Producer): void {
    if (this.#local.has(producer.runner)) {
      const taken = this.#hands.retake(producer.entryId);
      if (taken) this.#local.get(producer.runner)?.adopt(taken.producer, taken.offsets);
    } else if (openLeftover(producer)) {
      // It takes no place, and waits for its runner however long that is away.
      return;
    } else if (producer.assigned) {
      // A cancel frees the place at once, here as well.
      if (producer.state !== 'cancelling') this.#load.set(producer.entryId, producer.assigned);
      this.#leases.renew(producer.assigned.instance);
    } else {
      this.#waiting.add(producer.entryId);
    }
  }

  /** A producer has ended: its place is free. */
  ended(entryId: number): void {
    this.#waiting.delete(entryId);
    if (!this.#load.delete(entryId) || this.#waiting.size === 0 || this.#scheduled) return;
    this.#scheduled = true;
    // Not within the transaction that ended it.
    setImmediate(() => {
      this.#scheduled = false;
      this.#placeWaiting();
    });
  }

  /** Has a producer killed: at once, or by the hand-over when its runner is back. */
  kill(producer: Producer, request: KillRequest): void {
    this.#portOf(producer)?.kill(producer, request);
  }

  /** The runner that serves a producer now. Throws `conflict` when there is none. */
  serving(producer: Producer): RunnerPort {
    const port = this.#portOf(producer);
    if (port) return port;
    throw new HeadgateError(
      'conflict',
      `${producer.path} waits for ${this.waitsFor(producer) ?? 'its runner'}; try again when it is there`,
      {
        runner: producer.runner,
      },
    );
  }

  /** What a producer waits for, in words; null when it is served and its output comes. */
  waitsFor(producer: Producer): string | null {
    if (producer.runner === 'client' || (!isLive(producer.state) && !openLeftover(producer))) return null;
    const port = this.#portOf(producer);
    if (port) return port.waitsFor?.(producer.entryId) ?? null;
    if (producer.assigned) return `its runner "${producer.assigned.runner}", which is away`;
    // In the order of runner/list, which is that of registration.
    const records = [...this.#records.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    return waitReason(
      producer,
      records.map((record) => this.#offered(record)),
    );
  }

  /** Whether a producer sleeps until it is given input; null when that is not known. */
  async waitsForInput(producer: Producer): Promise<boolean | null> {
    return (await this.#portOf(producer)?.waitsForInput?.(producer.entryId)) ?? null;
  }

  /** Who registered a runner; undefined when there is none of that name. */
  ownerOf(name: string): string | undefined {
    return this.#records.get(name)?.owner;
  }

  /** The runner of a producer that has ended does not follow what runs on of it. */
  unfollowed(entryId: number): void {
    this.#hands.leave(entryId);
  }

  close(): void {
    this.#closed = true;
    this.#leases.close();
    this.#waiting.clear();
  }

  /** For people only: the lease is renewed in memory, so a full disk is no reason to refuse a sign of life. */
  #storeSeen(name: string): void {
    try {
      this.#store.runners.seen(name);
    } catch (error) {
      this.#logger.warn({ runner: name, error: messageOf(error) }, 'when a runner was seen could not be stored');
    }
  }

  #memberOf(port: RemoteRunnerPort): Member | undefined {
    return [...this.#members.values()].find((member) => member.port === port);
  }

  #portOf({ runner, assigned }: Producer): RunnerPort | undefined {
    if (!assigned) return this.#local.get(runner);
    const member = this.#members.get(assigned.runner);
    return member?.ready && member.record.instance === assigned.instance ? member.port : undefined;
  }

  /** What a state folder has to serve, the oldest first: what lives, and what runs on of others. */
  #followedOf(instance: string): Producer[] {
    return this.#store.producers
      .list({ states: LIVE_STATES, leftover: true })
      .filter(({ assigned }) => assigned?.instance === instance)
      .reverse();
  }

  #liveOf(instance: string): Producer[] {
    return this.#followedOf(instance).filter(({ state }) => isLive(state));
  }

  #releaseOf(id: string, instance: string): Release | undefined {
    const known = parseProducerId(id);
    const producer = known && this.#store.producers.get(known.entryId);
    if (!producer || producer.createdAt !== known.createdAt) {
      return { producer: id, epoch: 1, kill: { requestedBy: 'server', reason: 'its run has been deleted' } };
    }
    // Live: it is handed over. Of another folder: a copy of the runner, which does not have these commands.
    if (isLive(producer.state) || openLeftover(producer) || producer.assigned?.instance !== instance) return undefined;
    const { epoch, receipt, state, leftover } = producer;
    if (leftover) return { producer: id, epoch, kill: null };
    const unfinished = receipt ? receipt.finishedAt === null : state === 'lost';
    if (!unfinished) return { producer: id, epoch, kill: null };
    const kill = receipt ? askedKill(receipt) : { requestedBy: 'server', reason: 'its runner was away for longer than its lease' };
    return { producer: id, epoch, kill };
  }

  /** A name belongs to the caller who registered it; the same state folder shows that it is still the same runner. */
  #requireOwn({ name, owner, instance }: RunnerOffer): void {
    const known = this.#records.get(name);
    if (!known) {
      const names = [...this.#records.values()].filter((record) => record.owner === owner).length;
      if (names < NAMES_PER_OWNER) return;
      throw new HeadgateError(
        'conflict',
        `"${owner}" has ${names} runners; forget those that are gone first: headgate runner forget NAME`,
        {
          limit: NAMES_PER_OWNER,
        },
      );
    }
    if (known.owner === owner || known.owner === '' || known.instance === instance) return;
    throw new HeadgateError(
      'forbidden',
      `runner "${name}" belongs to "${known.owner}"; give this one another name with --name, or register it with that token`,
      { runner: name },
    );
  }

  #offered(record: RunnerRecord): Offered {
    const member = this.#members.get(record.name);
    const state = member ? (member.draining ? 'draining' : 'ready') : 'away';
    return { record, state, live: this.#loadOf(record) };
  }

  #loadOf({ instance }: RunnerRecord): number {
    let load = 0;
    for (const assigned of this.#load.values()) if (assigned.instance === instance) load++;
    return load;
  }

  /** Gives a producer to the least loaded runner that may have it; it goes on waiting when there is none. */
  #placeOne(producer: Producer): void {
    const fits = fitting(producer);
    const free = [...this.#members.values()]
      .filter(({ record, ready, draining }) => ready && !draining && fits(record) && this.#loadOf(record) < record.capacity)
      .sort((a, b) => this.#loadOf(a.record) - this.#loadOf(b.record));
    const [member] = free;
    if (!member) return;
    const assigned = { runner: member.record.name, instance: member.record.instance };
    const given = this.#store.producers.update(producer.entryId, { assigned, bootId: member.port.bootId });
    this.#waiting.delete(producer.entryId);
    this.#load.set(producer.entryId, assigned);
    member.port.start(given);
  }

  #placeWaiting(): void {
    for (const entryId of [...this.#waiting]) {
      const producer = this.#store.producers.get(entryId);
      if (producer?.state !== 'queued') {
        this.#waiting.delete(entryId);
        continue;
      }
      try {
        this.#placeOne(producer);
      } catch (error) {
        this.#logger.error({ producer: entryId, error: messageOf(error) }, 'a producer could not be given to a runner; it waits on');
      }
    }
  }

  /** A lease is over: fences who held it and ends what it has. What cannot be stored is tried again (SPEC {#disk_full}). */
  #lose(instance: string): void {
    for (const [name, member] of this.#members) {
      if (member.record.instance !== instance) continue;
      this.#members.delete(name);
      member.port.fence('lease', `runner "${name}" gave no sign of life for longer than its lease; register again`);
    }
    this.#loseStored(instance);
  }

  #loseStored(instance: string): void {
    // It has come back before its loss was stored, and has been handed everything.
    if (this.#closed || [...this.#members.values()].some(({ record }) => record.instance === instance)) return;
    let failure: unknown;
    for (const producer of this.#liveOf(instance)) {
      const runner = producer.assigned?.runner ?? '';
      try {
        this.#hands.lose(producer.entryId, `runner "${runner}" stayed away for longer than its lease of ${this.#leases.leaseMs / 1000} s`);
        this.#logger.warn({ producer: producer.entryId, runner }, 'a producer is lost: its runner stayed away for longer than its lease');
      } catch (error) {
        failure = error;
      }
    }
    if (failure === undefined) return;
    this.#logger.error({ instance, error: messageOf(failure) }, 'what a runner has lost could not be stored; it is tried again');
    setTimeout(() => this.#loseStored(instance), LOSE_AGAIN_MS).unref();
  }
}
