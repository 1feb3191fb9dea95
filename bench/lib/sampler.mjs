import { cpuSeconds, diskMiB, rssMiB } from './proc.mjs';

/** Watches a process: memory, processor use and, where a folder is named, its size on the disk, at even intervals. */
export class Sampler {
  #pid;
  #folder;
  #everyMs;
  #timer;
  #began = performance.now();
  #cpuAtStart;
  #last;
  #samples = [];

  /** Starts at once. @param options - `folder` whose size on the disk is taken too, `everyMs` between samples */
  constructor(pid, { folder, everyMs = 1000 } = {}) {
    this.#pid = pid;
    this.#folder = folder;
    this.#everyMs = everyMs;
    this.#cpuAtStart = cpuSeconds(pid);
    this.#last = { at: this.#began, cpu: this.#cpuAtStart };
    this.#take();
    this.#timer = setInterval(() => this.#take(), everyMs);
  }

  #take() {
    const at = performance.now();
    try {
      const cpu = cpuSeconds(this.#pid);
      const elapsed = (at - this.#last.at) / 1000;
      // The last interval may be so short that the clock ticks of /proc say nothing.
      const telling = elapsed >= this.#everyMs / 2000;
      this.#samples.push({
        at: (at - this.#began) / 1000,
        rssMiB: rssMiB(this.#pid),
        cores: telling && this.#samples.length > 0 ? (cpu - this.#last.cpu) / elapsed : null,
        diskMiB: this.#folder === undefined ? null : diskMiB(this.#folder),
      });
      this.#last = { at, cpu };
    } catch {
      clearInterval(this.#timer); // The process has ended; whoever needs it alive will find that out.
    }
  }

  /** Takes no more samples; for when what was watched has failed. */
  pause() {
    clearInterval(this.#timer);
  }

  /** Takes the last sample and stops. Returns the samples and, over all of the time, cores used and memory. */
  stop() {
    clearInterval(this.#timer);
    this.#take();
    const seconds = (this.#last.at - this.#began) / 1000;
    const rss = this.#samples.map((sample) => sample.rssMiB);
    return {
      samples: this.#samples,
      cores: (this.#last.cpu - this.#cpuAtStart) / seconds,
      peakRssMiB: Math.max(...rss),
      meanRssMiB: rss.reduce((sum, value) => sum + value, 0) / rss.length,
    };
  }
}
