import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { OutputSink } from '../../src/model/ports/backend.ts';
import { Changes } from '../support/changes.ts';

/** A sink that stores: refuses a gap and bytes that differ from what it has, as the channel log does. */
export class StoringSink implements OutputSink {
  readonly #channels = new Map<number, { parts: Buffer[]; bytes: number }>();
  readonly #changes = new Changes();
  /** Bytes delivered more than once. */
  repeated = 0;
  writes = 0;

  write(channel: number, offset: number, bytes: Buffer): Promise<void> {
    this.writes++;
    const stored = this.#channel(channel);
    if (offset > stored.bytes) return Promise.reject(new Error(`gap: ${offset} after ${stored.bytes}`));
    const known = Math.min(bytes.length, stored.bytes - offset);
    if (
      known > 0 &&
      !this.of(channel)
        .subarray(offset, offset + known)
        .equals(bytes.subarray(0, known))
    ) {
      return Promise.reject(new Error(`other bytes at ${offset}`));
    }
    this.repeated += known;
    if (known < bytes.length) {
      stored.parts.push(Buffer.from(bytes.subarray(known)));
      stored.bytes += bytes.length - known;
    }
    this.#changes.tell();
    return Promise.resolve();
  }

  /** Everything of a channel. */
  of(channel: number): Buffer {
    const stored = this.#channel(channel);
    const joined = Buffer.concat(stored.parts);
    stored.parts = [joined];
    return joined;
  }

  text(channel: number): string {
    return this.of(channel).toString();
  }

  bytes(channel: number): number {
    return this.#channel(channel).bytes;
  }

  offsets(): Map<number, number> {
    return new Map([...this.#channels].map(([channel, { bytes }]) => [channel, bytes]));
  }

  /** Resolves once the channel's text matches; returns the match. */
  async match(channel: number, pattern: RegExp): Promise<RegExpExecArray> {
    return await this.#changes.until(
      () => pattern.exec(this.text(channel)) ?? undefined,
      pattern,
      () => this.text(channel),
    );
  }

  #channel(channel: number): { parts: Buffer[]; bytes: number } {
    const stored = this.#channels.get(channel) ?? { parts: [], bytes: 0 };
    this.#channels.set(channel, stored);
    return stored;
  }
}

/** State letter of the process that copies channel 1 of a producer folder: `T` while the command is held back. */
export function copierState(folder: string): string | undefined {
  const [pid] = existsSync(join(folder, 'copiers')) ? readFileSync(join(folder, 'copiers'), 'latin1').split(' ') : [];
  return pid && existsSync(`/proc/${pid}`) ? readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.[0] : undefined;
}

export function sha256(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** True while a process of this number runs; zombies do not. */
export function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
  } catch {
    return false;
  }
}

/** Polls a condition that no event announces. Throws after ten seconds. */
export async function eventually(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (const giveUp = Date.now() + 10_000; !(await condition()); ) {
    if (Date.now() > giveUp) throw new Error(`never came true: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
