import type { Clock } from '../../core/clock.ts';
import { defined } from '../../core/defined.ts';
import type { ExitFact } from '../../model/ports/backend.ts';
import { signalOfExitCode } from '../../model/signals.ts';
import type { ProcessIdentity, ProducerFolder } from '../shim/producer-folder.ts';
import { readAlive } from './proc.ts';

/** How long a shim that has not reported gets to claim its folder (milliseconds). */
const CLAIM_MS = 2000;

/** Finds out whether the main process has ended, and how (SPEC {#shim_exit}). */
export class ExitWatch {
  readonly #folder: ProducerFolder;
  readonly #clock: Clock;
  /** The shim that we, or the server before us, launched; perhaps not the one that got the claim. */
  readonly #launched: ProcessIdentity | undefined;
  readonly #giveUp: number;
  #shim: ProcessIdentity | undefined;

  constructor(folder: ProducerFolder, launched: ProcessIdentity | undefined, clock: Clock) {
    this.#folder = folder;
    this.#launched = launched;
    this.#clock = clock;
    this.#giveUp = clock.monotonic() + CLAIM_MS;
  }

  /** The shim that has the claim, once there is one. */
  shim(): ProcessIdentity | undefined {
    if (this.#shim) return this.#shim;
    const claim = this.#folder.claim();
    if (claim.state === 'claimed') this.#shim = claim.shim;
    return this.#shim;
  }

  /** The published end, or undefined. */
  published(): ExitFact | undefined {
    const exitCode = this.#folder.exitCode();
    if (exitCode === undefined) return undefined;
    const durationMs = this.#folder.durationMs();
    return { exitCode, signal: signalOfExitCode(exitCode) ?? null, ...defined({ durationMs }) };
  }

  /** The end, published, or because the shim that would publish it is gone; undefined while it runs. */
  look(): ExitFact | undefined {
    const published = this.published();
    if (published || this.#isRunning()) return published;
    // It may have published between the two looks.
    return this.published() ?? { exitCode: null, signal: null };
  }

  #isRunning(): boolean {
    const shim = this.shim();
    if (shim) return readAlive(shim) !== undefined;
    if (this.#folder.claim().state === 'barred') return false;
    if (this.#launched) return readAlive(this.#launched) !== undefined || this.shim() !== undefined;
    return this.#clock.monotonic() < this.#giveUp;
  }
}
