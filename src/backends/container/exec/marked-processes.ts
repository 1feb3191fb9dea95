import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../../core/clock.ts';
import type { KillRequest } from '../../../model/ports/backend.ts';
import type { KillReceipt, SignalSent } from '../../../model/records.ts';
import { signalName } from '../../../model/signals.ts';
import { isGone, type ShellHost } from '../../remote/shell-host.ts';
import { SIGNAL_MARKED_SH } from './signal-marked-sh.ts';

/** Between two looks at the processes, and how long after SIGKILL one counts as escaped (milliseconds). */
const LOOK_MS = 100;
const UNKILLABLE_MS = 3000;

/** The processes in a container that carry a producer's marker (SPEC {#producer_marker}). */
export class MarkedProcesses {
  readonly #host: ShellHost;
  readonly #producerId: string;
  readonly #clock: Clock;

  constructor(host: ShellHost, producerId: string, clock: Clock) {
    this.#host = host;
    this.#producerId = producerId;
    this.#clock = clock;
  }

  /** Signals each; returns their numbers in the container. None in a container that is gone. */
  async signal(name: NodeJS.Signals | '0'): Promise<number[]> {
    try {
      const run = await this.#host.run(SIGNAL_MARKED_SH, [name.replace(/^SIG/, ''), this.#producerId]);
      run.stderr.resume();
      let text = '';
      for await (const bytes of run.stdout as AsyncIterable<Buffer>) text += bytes.toString('latin1');
      await run.ended;
      return text.split('\n').filter(Boolean).map(Number);
    } catch (error) {
      if (isGone(error)) return [];
      throw error;
    }
  }

  /** Signals, waits, and kills until a look finds none. */
  async kill(request: KillRequest): Promise<KillReceipt> {
    const requestedAt = this.#clock.now();
    const first = signalName(request.signal);
    const signals: SignalSent[] = [];
    const seen = new Set<number>();
    const send = async (signal: NodeJS.Signals): Promise<void> => {
      const pids = await this.signal(signal);
      for (const pid of pids) seen.add(pid);
      if (pids.length > 0 && signals.at(-1)?.signal !== signal) signals.push({ signal, at: this.#clock.now(), pids });
    };
    await send(first);
    const deadline = this.#clock.monotonic() + (first === 'SIGKILL' ? 0 : request.graceMs);
    let left = await this.signal('0');
    while (left.length > 0 && this.#clock.monotonic() < deadline) {
      await delay(LOOK_MS);
      left = await this.signal('0');
    }
    for (const giveUp = this.#clock.monotonic() + UNKILLABLE_MS; left.length > 0 && this.#clock.monotonic() < giveUp; ) {
      await send('SIGKILL');
      await delay(LOOK_MS / 10);
      left = await this.signal('0');
    }
    const confirmedDead = [...seen].filter((pid) => !left.includes(pid));
    const { requestedBy, reason } = request;
    return { requestedBy, reason, requestedAt, signals, confirmedDead, escaped: left, finishedAt: this.#clock.now() };
  }
}
