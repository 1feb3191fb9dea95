import type { Logger } from '../../../core/logger.ts';
import type { OutputSink } from '../../../model/ports/backend.ts';
import { OutputFlow } from '../engine/output-flow.ts';

/** Channel of what is done before a command runs: a pull. */
const PROGRESS_CHANNEL = 3;

/** Lines about a command that does not run yet, on a channel of their own. */
export class ProgressChannel {
  readonly #flow: OutputFlow;

  constructor(options: { offsets: ReadonlyMap<number, number>; sink: OutputSink; logger: Logger }) {
    this.#flow = new OutputFlow({ ...options, channels: [PROGRESS_CHANNEL] });
    this.#flow.begin('now');
  }

  /** Tells a line. */
  tell(line: string): void {
    void this.#flow.take({ channel: PROGRESS_CHANNEL, bytes: Buffer.from(`${line}\n`) });
  }

  /** Waits until every line is stored, or nothing more is taken. */
  async settled(): Promise<void> {
    await this.#flow.settled();
  }

  stop(): void {
    this.#flow.stop();
  }
}
