import { messageOf } from '../../core/errors.ts';
import type { RunName, Runtime, Step } from '../../rpc/client/index.ts';
import { isWireError } from '../errors.ts';
import { visibleLine } from '../text.ts';

/** What keys do to a run. Each returns what there is to say, and never throws. */
export class Actions {
  readonly #session: Runtime;
  readonly #run: RunName;
  #isConnected = true;
  /** What was typed is sent in its order. */
  #typed: Promise<unknown> = Promise.resolve();
  /** Raised when something typed did not arrive whole: what was typed behind it would make no sense without it. */
  #lost = 0;

  constructor(session: Runtime, run: RunName) {
    this.#session = session;
    this.#run = run;
  }

  /** Answers a proposal. If another client was faster, its answer is shown. */
  answer(step: Step, action: 'accept' | 'reject', more: { output?: string; remember?: true } = {}): Promise<string> {
    return this.#say(async () => {
      try {
        const { remembered = [] } = await this.#session.call('run/resolve', {
          run: this.#run.now,
          resolution: { path: step.id, action, ...more },
        });
        const rules = remembered.map(visibleLine).join(', ');
        return rules === '' ? `${action}ed` : `remembered: ${action === 'accept' ? 'allow' : 'deny'} ${rules}`;
      } catch (error) {
        if (isWireError(error, 'proposal_resolved')) return 'another client was faster';
        throw error;
      }
    });
  }

  /** Ends a command with its tree. */
  cancel(step: Step): Promise<string> {
    return this.#say(async () => {
      await this.#session.call('stream/cancel', { run: this.#run.now, path: step.id, reason: 'cancelled at the terminal' });
      return 'cancelled';
    });
  }

  /** Sends a signal to a command. */
  signal(step: Step, signal: string): Promise<string> {
    return this.#say(async () => {
      await this.#session.call('stream/signal', { run: this.#run.now, path: step.id, signal: signal.toUpperCase() });
      return `sent ${visibleLine(signal.toUpperCase())}`;
    });
  }

  /** A line for a command; `secret` is refused where its terminal would show it. It waits while the connection is lost. */
  input(step: Step, text: string, { secret = false } = {}): Promise<string> {
    return this.#type(step, text, secret);
  }

  /** A key for a command in a terminal: dropped while the connection is lost, since its effect cannot be seen. */
  async key(step: Step, text: string): Promise<string> {
    return this.#isConnected ? await this.#type(step, text, false) : '';
  }

  /** Whether the server can be reached. */
  set isConnected(isConnected: boolean) {
    this.#isConnected = isConnected;
  }

  /** Ends the input of a command. */
  endInput(step: Step): Promise<string> {
    return this.#say(async () => {
      await this.#session.call('stream/input', { run: this.#run.now, path: step.id, eof: true });
      return 'its input has ended';
    });
  }

  /** Gives the model something to do, or while it is at work tells it something. */
  prompt(text: string, isBusy: boolean): Promise<string> {
    return this.#say(async () => {
      if (isBusy) await this.#session.call('run/inject', { run: this.#run.now, message: text });
      else await this.#session.call('act', { run: this.#run.now, prompt: text });
      return isBusy ? 'the model reads it in its next turn' : '';
    });
  }

  #type(step: Step, text: string, secret: boolean): Promise<string> {
    const lost = this.#lost;
    const typed = this.#typed.then(() =>
      this.#say(async () => {
        if (lost !== this.#lost) return 'not sent, since what was typed before it did not arrive';
        try {
          return await this.#send(step, Buffer.from(text), secret);
        } catch (error) {
          this.#lost++;
          throw error;
        }
      }),
    );
    this.#typed = typed;
    return typed;
  }

  /** Sends on while the command takes something; what it does not take is reported. */
  async #send(step: Step, bytes: Buffer, secret: boolean): Promise<string> {
    for (let at = 0; at < bytes.length; ) {
      const { bytes: taken } = await this.#session.call('stream/input', {
        run: this.#run.now,
        path: step.id,
        chunk: bytes.subarray(at).toString('base64'),
        encoding: 'base64',
        ...(secret ? { secret: true } : {}),
      });
      at += taken;
      if (taken > 0) continue;
      this.#lost++;
      return `the command does not read; it took ${at} of ${bytes.length} bytes`;
    }
    return '';
  }

  async #say(act: () => Promise<string>): Promise<string> {
    try {
      return await act();
    } catch (error) {
      return messageOf(error);
    }
  }
}
