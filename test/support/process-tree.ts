import { readdirSync, readFileSync } from 'node:fs';

/**
 * What clients do that end an agent with everything below it (acpx, opencode): they look at the process table again and
 * again, remember whatever was once seen below the root, and kill all of that.
 */
export class ProcessTree {
  readonly #root: number;
  /** Process number and start time of all that was seen. */
  readonly #seen = new Map<number, string>();
  readonly #timer: NodeJS.Timeout;

  constructor(root: number) {
    this.#root = root;
    this.look();
    this.#timer = setInterval(() => this.look(), 1);
  }

  /** Looks at the process table once. */
  look(): void {
    const table = processTable();
    const owned = new Set([this.#root]);
    for (const [pid, began] of this.#seen) if (table.get(pid)?.began === began) owned.add(pid);
    let before: number;
    do {
      before = owned.size;
      for (const [pid, { parent }] of table) if (owned.has(parent)) owned.add(pid);
    } while (owned.size > before);
    for (const pid of owned) {
      const facts = table.get(pid);
      if (facts) this.#seen.set(pid, facts.began);
    }
  }

  /** True for a process that was once seen in the tree. */
  has(pid: number): boolean {
    return this.#seen.has(pid);
  }

  /** Kills the root and all that was ever seen below it. */
  kill(): void {
    this.look();
    clearInterval(this.#timer);
    const table = processTable();
    for (const [pid, began] of this.#seen) if (table.get(pid)?.began === began) process.kill(pid, 'SIGKILL');
  }

  /** Looks no longer. */
  close(): void {
    clearInterval(this.#timer);
  }
}

/** A process and all above it, up to init. */
export function ancestors(pid: number): number[] {
  const table = processTable();
  const found: number[] = [];
  for (let one = pid; one > 1; one = table.get(one)?.parent ?? 0) found.push(one);
  return found;
}

function processTable(): Map<number, { parent: number; began: string }> {
  const table = new Map<number, { parent: number; began: string }>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const words = readFileSync(`/proc/${name}/stat`, 'latin1')
        .replace(/^.*\) /s, '')
        .split(' ');
      table.set(Number(name), { parent: Number(words[1]), began: words[19] ?? '' });
    } catch {
      // Gone meanwhile.
    }
  }
  return table;
}
