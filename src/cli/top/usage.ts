import { readdirSync, readFileSync } from 'node:fs';

/** What the processes of a command use: processor time in units of one processor, resident memory in bytes. */
export interface Usage {
  readonly cpu: number;
  readonly memory: number;
  readonly processes: number;
}

/** One process of this machine as `/proc/PID/stat` has it. */
interface Seen {
  readonly parent: number;
  /** Identity of the process beside its number: a number is given again. */
  readonly started: string;
  readonly ticks: number;
  readonly pages: number;
}

/** A clock tick of /proc and a page of memory; Linux has told programs 100 and, where Node runs, 4096 for ever. */
const TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4096;

/** What commands of this machine use, from one look to the next. Elsewhere nothing is known. */
export class UsageMeter {
  #before = new Map<number, Seen>();
  #at = 0;

  /**
   * The usage of each of these commands with all their processes, by pid.
   *
   * @param now - monotonic milliseconds
   */
  look(pids: readonly number[], now: number): Map<number, Usage> {
    const seen = processes();
    const before = this.#before;
    const seconds = (now - this.#at) / 1000;
    this.#before = seen;
    this.#at = now;
    const below = new Map<number, number[]>();
    for (const [pid, { parent }] of seen) below.set(parent, [...(below.get(parent) ?? []), pid]);
    const found = new Map<number, Usage>();
    for (const pid of pids) {
      const members = treeOf(pid, seen, below);
      if (members.length === 0) continue;
      let ticks = 0;
      let pages = 0;
      for (const member of members) {
        const is = seen.get(member);
        if (!is) continue;
        const was = before.get(member);
        if (was?.started === is.started) ticks += is.ticks - was.ticks;
        pages += is.pages;
      }
      const cpu = before.size === 0 || seconds <= 0 ? 0 : ticks / TICKS_PER_SECOND / seconds;
      found.set(pid, { cpu, memory: pages * PAGE_BYTES, processes: members.length });
    }
    return found;
  }
}

/** A process and all below it. */
function treeOf(root: number, seen: ReadonlyMap<number, Seen>, below: ReadonlyMap<number, readonly number[]>): number[] {
  const members = seen.has(root) ? [root] : [];
  for (let at = 0; at < members.length; at++) members.push(...(below.get(members[at] ?? 0) ?? []));
  return members;
}

function processes(): Map<number, Seen> {
  const found = new Map<number, Seen>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    try {
      const text = readFileSync(`/proc/${name}/stat`, 'latin1');
      // The name of the program, which may have anything in it, ends with the last bracket.
      const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
      const parent = Number(fields[1]);
      const ticks = Number(fields[11]) + Number(fields[12]);
      found.set(pid, { parent, started: fields[19] ?? '', ticks, pages: Number(fields[21]) });
    } catch {
      // It has ended since.
    }
  }
  return found;
}
