import { setImmediate as nextTick } from 'node:timers/promises';
import { bootId } from '../../core/boot-id.ts';
import type { ProcessIdentity, ProducerFolder } from '../shim/producer-folder.ts';
import { hasEnvironment, holdsOpen, isSandboxInit, type ProcStat, processesSince, readAlive, readStat } from './proc.ts';
import { isSafe, signalProcess } from './signalling.ts';

/** Variables in a command's environment by which its processes are found, whatever session they moved to (SPEC {#producer_marker}). */
export function markerOf(spool: string, producerId: string): Readonly<Record<string, string>> {
  return { HEADGATE_PRODUCER: producerId, HEADGATE_SPOOL: spool };
}

/** Environments looked at before other work gets its turn. */
const ENVIRONMENT_SLICE = 16;

/** The processes of one command, as they are at the moment of asking. */
export class ProcessTree {
  readonly #shim: ProcessIdentity;
  readonly #folder: ProducerFolder;
  readonly #marker: readonly string[];
  /** The command runs in a terminal: `script` stands between it and its output files. */
  readonly hasTerminal: boolean;

  constructor(shim: ProcessIdentity, folder: ProducerFolder, marker: Readonly<Record<string, string>>, hasTerminal = false) {
    this.hasTerminal = hasTerminal;
    this.#shim = shim;
    this.#folder = folder;
    this.#marker = Object.entries(marker).map(([name, value]) => `${name}=${value}`);
  }

  /** The shim itself, while it is there. */
  shim(): ProcStat | undefined {
    return readAlive(this.#shim);
  }

  /** The leader of the command's process group: its first process, zombie or not, or the shim where the command runs in the shim's group. */
  leader(): ProcStat | undefined {
    const main = this.#folder.main();
    if (!main) return this.shim();
    const now = main.bootId === bootId() ? readStat(main.pid) : undefined;
    return now?.startTicks === main.startTicks ? now : undefined;
  }

  /** True when this signal can go to the whole group: the shim is not in it, or outlives the signal. */
  canSignalGroup(signal: NodeJS.Signals): boolean {
    return this.#folder.main() !== undefined || isSafe(signal);
  }

  /** True while the shim is between its copiers and the command. */
  get isStarting(): boolean {
    return this.#folder.copiers() !== undefined && !this.#folder.main() && !this.hasEnded && this.shim() !== undefined;
  }

  /** True once the exit code is published; the shim may still wait for the end of the output. */
  get hasEnded(): boolean {
    return this.#folder.exitCode() !== undefined;
  }

  /** Who copies its output, as far as they are there. */
  copiers(): ProcStat[] {
    return (this.#folder.copiers() ?? []).map(readAlive).filter((copier) => copier !== undefined);
  }

  /** The holder of its input, the copiers of its output, and the relay of its terminal. */
  isOurs(process: ProcStat): boolean {
    return this.#helpers().includes(process.pid) || this.#isRelay(process);
  }

  #helpers(): number[] {
    const holder = this.#folder.inputHolder();
    return [...(holder ? [holder.pid] : []), ...(this.#folder.copiers() ?? []).map(({ pid }) => pid)];
  }

  /** What relays the terminal, or will become it, while the shim is there. */
  #isRelay(process: ProcStat): boolean {
    if (!this.hasTerminal || process.parent !== this.#shim.pid || process.group !== this.#shim.pid) return false;
    return process.pid !== this.#folder.inputHolder()?.pid;
  }

  /** Lets the relay of a terminal go on that stopped, as it does when the leader of the session is stopped. */
  async wakeRelay(): Promise<void> {
    if (!this.hasTerminal || !this.shim()) return;
    const relay = (await processesSince(this.#shim.startTicks)).find((process) => this.#isRelay(process));
    if (relay?.state === 'T') signalProcess(relay, 'SIGCONT');
  }

  /**
   * Everything the command started that still runs, without the shim, the holder of its input, the copiers of its output and the relay of its
   * terminal: its group and session, all their descendants, and whatever carries the marker (`setsid` children). Zombies do not count.
   */
  async members(): Promise<ProcStat[]> {
    // After a reboot every number belongs to another process.
    if (this.#shim.bootId !== bootId()) return [];
    const ours = new Set([this.#shim.pid, ...this.#helpers()]);
    const all = (await processesSince(this.#shim.startTicks)).filter(({ pid }) => !ours.has(pid));
    const relay = all.find((process) => this.#isRelay(process));
    const others = all.filter((process) => process !== relay);
    const leaders = [this.#shim, this.#folder.main() ?? this.#shim].map(({ pid, startTicks }) => ({
      pid,
      // No other session can have its number while its leader is there, zombie or not.
      isThere: readStat(pid)?.startTicks === startTicks,
    }));
    const members = new Map<number, ProcStat>();
    let looked = 0;
    for (const process of others) {
      const leader = leaders.find(({ pid }) => process.session === pid || process.group === pid);
      const inSession = leader !== undefined;
      if (leader?.isThere) members.set(process.pid, process);
      else if (this.#isMarked(process.pid) || (inSession && this.holdsOutput(process.pid))) members.set(process.pid, process);
      else if (++looked % ENVIRONMENT_SLICE === 0) await nextTick();
    }
    // Children that took another session and another environment. Again while it grows: a child may stand before its parent.
    for (let size = -1; size < members.size; ) {
      size = members.size;
      for (const process of others) if (members.has(process.parent) || process.parent === relay?.pid) members.set(process.pid, process);
    }
    return [...members.values()];
  }

  /** True when the process has an output of this command open: the pipe of a copier, or where there is none the file. */
  holdsOutput(pid: number): boolean {
    const copiers = this.#folder.copiers();
    const outputs = copiers
      ? copiers.filter((copier) => readAlive(copier)).map((copier) => `/proc/${copier.pid}/fd/0`)
      : this.#folder.channels.map((channel) => this.#folder.output(channel));
    return holdsOpen(pid, outputs) && !isSandboxInit(pid);
  }

  /** Processes that hold an output of this command, of any user. */
  async holders(): Promise<number[]> {
    if (this.#shim.bootId !== bootId()) return [];
    const ours = new Set([this.#shim.pid, ...this.#helpers()]);
    const others = (await processesSince(this.#shim.startTicks)).filter(({ pid }) => !ours.has(pid));
    return others.filter(({ pid }) => this.holdsOutput(pid)).map(({ pid }) => pid);
  }

  #isMarked(pid: number): boolean {
    return hasEnvironment(pid, this.#marker);
  }
}
