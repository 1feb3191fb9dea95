import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../core/clock.ts';
import type { KillRequest } from '../../model/ports/backend.ts';
import type { KillReceipt, SignalSent } from '../../model/records.ts';
import { signalName } from '../../model/signals.ts';
import { isDead, type ProcStat, readStat } from './proc.ts';
import { isTrapped, signalGroup, signalGroupOf, signalProcess } from './signalling.ts';
import type { ProcessTree } from './tree.ts';

/** How often the processes known already are looked at, and how often all of /proc. */
const LOOK_MS = 10;
const SCAN_MS = 100;
/** How long after SIGKILL a process counts as escaped: it hangs in the kernel, or is not ours to kill. */
const UNKILLABLE_MS = 3000;
/** What the shim gets to publish the exit code, once the command is gone. */
const SHIM_MS = 1000;

/**
 * One kill of one command's tree (SPEC {#kill_tree}): the signal, a grace period, SIGKILL until nothing new appears,
 * and a receipt of what became of every process that was seen.
 */
export class TreeKill {
  readonly #tree: ProcessTree;
  readonly #clock: Clock;
  readonly #signals: SignalSent[] = [];
  readonly #seen = new Map<string, ProcStat>();
  #deadline = Number.POSITIVE_INFINITY;

  constructor(tree: ProcessTree, clock: Clock) {
    this.#tree = tree;
    this.#clock = clock;
  }

  /** Brings SIGKILL forward, never back: a second request that is less patient than the first. */
  hasten(graceMs: number): void {
    this.#deadline = Math.min(this.#deadline, this.#clock.monotonic() + graceMs);
  }

  /** Kills. Throws `invalid_params` for a signal that does not exist. */
  async run(request: KillRequest): Promise<KillReceipt> {
    const requestedAt = this.#clock.now();
    const signal = signalName(request.signal);
    const members = await this.#look();
    if (signal !== 'SIGKILL') {
      await this.#first(signal, members);
      this.hasten(request.graceMs);
      await this.#grace(signal);
    }
    await this.#force();
    if (await this.#endShim()) await this.#force();
    const all = [...this.#seen.values()];
    const escaped = all.filter(isThere).map((member) => member.pid);
    return {
      requestedBy: request.requestedBy,
      reason: request.reason,
      requestedAt,
      signals: this.#signals,
      confirmedDead: all.filter((member) => !isThere(member)).map((member) => member.pid),
      escaped,
      finishedAt: this.#clock.now(),
    };
  }

  async #look(): Promise<ProcStat[]> {
    const members = await this.#tree.members();
    for (const member of members) this.#seen.set(`${member.pid} ${member.startTicks}`, member);
    return members;
  }

  /** Also those that nothing ties to the command any more since the leader of their group has gone. */
  async #left(): Promise<ProcStat[]> {
    await this.#look();
    return [...this.#seen.values()].filter(isThere);
  }

  /** The group at once, so that none of it forks away in between; those outside of it one by one. */
  async #first(signal: NodeJS.Signals, members: readonly ProcStat[]): Promise<void> {
    if (this.#tree.hasTerminal) this.#firstInTerminal(signal, members);
    else this.#firstInGroup(signal, members);
    if (signal !== 'SIGSTOP') await this.#wake(members);
  }

  /** The relay of the terminal is spared: it has the rest of the output to deliver, and ends when the command does. */
  #firstInTerminal(signal: NodeJS.Signals, members: readonly ProcStat[]): void {
    const groups = new Map(isTrapped(signal) ? members.map((member) => [member.group, member]) : []);
    const reached = new Set([...groups].filter(([, member]) => signalGroupOf(member, signal)).map(([group]) => group));
    this.#record(
      signal,
      members.filter((member) => reached.has(member.group) || signalProcess(member, signal)),
    );
  }

  #firstInGroup(signal: NodeJS.Signals, members: readonly ProcStat[]): void {
    const leader = this.#tree.canSignalGroup(signal) ? this.#tree.leader() : undefined;
    const reached = leader !== undefined && signalGroup(leader, signal);
    const inGroup = (member: ProcStat): boolean => reached && member.group === leader.pid;
    this.#record(
      signal,
      members.filter((member) => inGroup(member) || signalProcess(member, signal)),
    );
  }

  /** A stopped process acts on the signal only when it goes on; the shim too, when the whole group was stopped. */
  async #wake(members: readonly ProcStat[]): Promise<void> {
    const shim = this.#tree.shim();
    if (shim?.state === 'T') signalProcess(shim, 'SIGCONT');
    this.#record(
      'SIGCONT',
      members.filter((member) => member.state === 'T' && signalProcess(member, 'SIGCONT')),
    );
    await this.#tree.wakeRelay();
  }

  /** Ends early when nothing is left. */
  async #grace(signal: NodeJS.Signals): Promise<void> {
    let scanAt = this.#clock.monotonic() + SCAN_MS;
    while (this.#clock.monotonic() < this.#deadline) {
      const left = [...this.#seen.values()].some(isThere);
      if (!left || this.#clock.monotonic() >= scanAt) {
        const members = await this.#look();
        if (members.length === 0 && !this.#tree.shim()) return;
        // The shim was still about to start the command when the signal came, and swallowed it.
        if (members.length > 0 && this.#signals.length === 0) await this.#first(signal, members);
        // A stop that was asked for just before the kill shows only now.
        else if (signal !== 'SIGSTOP') await this.#wake(members);
        scanAt = this.#clock.monotonic() + SCAN_MS;
      }
      await delay(Math.max(0, Math.min(LOOK_MS, this.#deadline - this.#clock.monotonic())));
    }
  }

  /** SIGKILL to all but the shim, which has the exit code to publish, until a look at all processes finds none. */
  async #force(): Promise<void> {
    const giveUp = this.#clock.monotonic() + UNKILLABLE_MS;
    for (let left = await this.#left(); left.length > 0; left = await this.#left()) {
      this.#record(
        'SIGKILL',
        left.filter((member) => signalProcess(member, 'SIGKILL')),
      );
      if (this.#clock.monotonic() >= giveUp) return;
      await delay(LOOK_MS);
    }
  }

  /** Returns true when the shim had to be killed: it may have started something in its last moment. */
  async #endShim(): Promise<boolean> {
    const giveUp = this.#clock.monotonic() + SHIM_MS;
    for (let shim = this.#tree.shim(); shim; shim = this.#tree.shim()) {
      if (shim.state === 'T') signalProcess(shim, 'SIGCONT');
      await this.#tree.wakeRelay();
      if (this.#clock.monotonic() >= giveUp) {
        // It waits for the end of an output that an escaped process holds.
        if (this.#tree.hasEnded) return false;
        signalProcess(shim, 'SIGKILL');
        return true;
      }
      await delay(LOOK_MS / 2);
    }
    return false;
  }

  /** The same signal again to more processes joins the entry before it. */
  #record(signal: NodeJS.Signals, members: readonly ProcStat[]): void {
    const pids = members.map((member) => member.pid);
    const last = this.#signals.at(-1);
    if (last?.signal === signal) {
      this.#signals[this.#signals.length - 1] = { ...last, pids: [...new Set([...last.pids, ...pids])] };
    } else if (pids.length > 0) {
      this.#signals.push({ signal, at: this.#clock.now(), pids });
    }
  }
}

function isThere(member: ProcStat): boolean {
  const now = readStat(member.pid);
  return now?.startTicks === member.startTicks && !isDead(now);
}
