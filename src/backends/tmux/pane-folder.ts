import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../core/clock.ts';
import { HeadgateError, isMissing, NOT_YET } from '../../core/errors.ts';
import { shellQuote } from '../../core/shell-quote.ts';
import { replaceFile } from '../../core/whole-file.ts';
import { launchArgv } from '../../model/launch.ts';
import type { ProducerSpec } from '../../model/records.ts';
import type { BrakeReach } from '../process/brake.ts';
import { readAlive } from '../process/proc.ts';
import { signalEach } from '../process/signalling.ts';
import type { ProcessTree } from '../process/tree.ts';
import { EndMark } from '../shim/end-mark.ts';
import type { ProducerFolder } from '../shim/producer-folder.ts';
import { shellLine } from '../shim/terminal.ts';
import { type Pane, unexpanded } from './tmux.ts';

const LOOK_MS = 5;
/** How long the process that tmux pipes to is waited for after a shim that was killed (milliseconds). */
const CARRY_MS = 2000;

/** What a producer folder has besides when its output is that of a tmux pane (SPEC {#backend_tmux}). */
export class PaneFolder {
  readonly #folder: ProducerFolder;

  constructor(folder: ProducerFolder) {
    this.#folder = folder;
  }

  /** The pane; undefined while it is not known. */
  pane(): Pane | undefined {
    const [, id, socket] = /^(%\d+) (.+)\n$/.exec(this.#read('pane')) ?? [];
    return id === undefined || socket === undefined ? undefined : { id, socket };
  }

  /** Says which pane is watched. */
  setPane({ id, socket }: Pane): void {
    replaceFile(join(this.#folder.path, 'pane'), `${id} ${socket}\n`);
  }

  /** What the shim in the pane reads before it runs the command. */
  writeLaunch(options: { spec: ProducerSpec; marker: Readonly<Record<string, string>>; tmux: string; pipe: string }): void {
    const { spec, marker, tmux, pipe } = options;
    const lines = [
      ...(spec.cwd === '' ? [] : [`cd -- ${shellQuote(spec.cwd)} || exit`]),
      `HEADGATE_SHIM_TMUX=${shellQuote(tmux)}`,
      `HEADGATE_SHIM_PIPE=${shellQuote(unexpanded(`exec /bin/sh ${[pipe, this.#folder.path, tmux].map(shellQuote).join(' ')}`))}`,
    ];
    const text = `${lines.join('\n')}\n${launchLines(spec, { ...spec.env, ...marker }, this.#markText())}`;
    // A start that repeats another one writes it while the first shim may be reading.
    replaceFile(join(this.#folder.path, 'launch'), text);
  }

  /** What stands in the output where the command's ends. */
  endMark(): EndMark {
    return endMarkOf(this.#markText());
  }

  /** True when another client took the pipe away while the command ran. */
  get unpiped(): boolean {
    return this.#read('unpiped') !== '';
  }

  /** Resolves when the process that tmux pipes to has written everything; at once when the end has arrived. */
  async carried(clock: Clock): Promise<void> {
    const giveUp = clock.monotonic() + CARRY_MS;
    while (this.#folder.exitCode() === undefined && clock.monotonic() < giveUp) {
      const [, pid, startTicks = '', bootId = ''] = /^(\d+) (\d+) (\S+)\n$/.exec(this.#read('pipe')) ?? [];
      if (pid === undefined || !readAlive({ pid: Number(pid), startTicks, bootId })) return;
      await delay(LOOK_MS);
    }
  }

  /**
   * Stops the command and not its shim: tmux continues the process of a pane at once when that is stopped. A file says that
   * it was stopped, since the shim cannot show it.
   */
  brakeReach(tree: ProcessTree): BrakeReach {
    const flag = join(this.#folder.path, 'stopped');
    let last: Promise<unknown> = Promise.resolve();
    return {
      isStopped: () => existsSync(flag),
      signal: (signal) => {
        if (!tree.shim()) return false;
        if (signal === 'SIGSTOP') writeFileSync(flag, '', { mode: 0o600 });
        last = last.then(() => signalEach(() => tree.members(), signal)).catch(() => undefined);
        if (signal === 'SIGCONT') rmSync(flag, { force: true });
        return true;
      },
    };
  }

  /** Waits until the pane is known. Throws `conflict` when it is not soon. */
  async whenPane(clock: Clock): Promise<Pane> {
    const giveUp = clock.monotonic() + CARRY_MS;
    for (;;) {
      const pane = this.pane();
      if (pane) return pane;
      if (clock.monotonic() >= giveUp) throw new HeadgateError('conflict', 'the command has no pane yet; try again once it runs', NOT_YET);
      await delay(LOOK_MS);
    }
  }

  /** The command could work it out, and cannot write it by accident. */
  #markText(): string {
    return markTextOf(createHash('sha256').update(this.#folder.path).digest('hex'));
  }

  #read(name: string): string {
    try {
      return readFileSync(join(this.#folder.path, name), 'utf8');
    } catch (error) {
      if (isMissing(error)) return '';
      throw error;
    }
  }
}

/** The text of an end mark, by a digest that belongs to the producer. */
export function markTextOf(digest: string): string {
  return `HEADGATE END ${digest.slice(0, 32).toUpperCase()}`;
}

/** The mark as the shim writes it: CAN ends whatever sequence was begun, and PM shows nothing. */
export function endMarkOf(text: string): EndMark {
  return new EndMark(Buffer.from(`\u0018\u001b^${text}\u001b\\`));
}

/** Lines of the file `launch` that are the same wherever it is: the command, its variables, its size and its mark. */
export function launchLines(spec: ProducerSpec, env: Readonly<Record<string, string>>, mark: string): string {
  const own = {
    COMMAND: shellLine(launchArgv(spec)),
    STDIN: spec.stdin ? '1' : '0',
    ROWS: String(spec.tty?.rows ?? ''),
    COLS: String(spec.tty?.cols ?? ''),
    MARK: mark,
  };
  const lines = [
    ...Object.entries(env).map(([name, value]) => `export ${name}=${shellQuote(value)}`),
    ...Object.entries(own).map(([name, value]) => `HEADGATE_SHIM_${name}=${shellQuote(value)}`),
  ];
  return `${lines.join('\n')}\n`;
}
