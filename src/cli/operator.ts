import { createInterface } from 'node:readline/promises';
import { messageOf } from '../core/errors.ts';
import { actionOf, type RunName, type Runtime } from '../rpc/client/index.ts';
import type { Console } from './console.ts';
import { isWireError } from './errors.ts';
import type { Interrupts } from './interrupts.ts';
import { CTRL_C, CTRL_D, Keys } from './keys.ts';
import { answerKeys } from './remembered-rules.ts';
import type { Proposal } from './run-view.ts';
import type { Screen } from './screen.ts';
import { visibleLine } from './text.ts';

/**
 * The person, or the `--yes`, behind a client: answers proposals and cancels commands. Keys work only on a terminal:
 * a accept, r reject, m and f the same and remember it, c cancel, q leave.
 */
export class Operator {
  readonly #session: Runtime;
  readonly #run: RunName;
  readonly #screen: Screen;
  readonly #console: Console;
  readonly #interrupts: Interrupts;
  readonly #acceptAll: boolean;
  readonly #waiting: Proposal[] = [];
  readonly #keys: Keys | undefined;
  /** A question that is being answered; aborted when another client answers it. */
  #asking: { path: string; abort: AbortController } | undefined;
  #hinted = false;

  constructor(options: {
    session: Runtime;
    run: RunName;
    screen: Screen;
    console: Console;
    interrupts: Interrupts;
    /** Accept whatever is proposed. */
    acceptAll: boolean;
    /** Whether there is a person at a terminal. */
    interactive: boolean;
  }) {
    this.#session = options.session;
    this.#run = options.run;
    this.#screen = options.screen;
    this.#console = options.console;
    this.#interrupts = options.interrupts;
    this.#acceptAll = options.acceptAll;
    if (options.interactive) {
      this.#keys = new Keys(options.console.stdin(), (key) => this.#onKey(key));
      this.#keys.resume();
    }
  }

  /** A proposal waits. */
  proposed(proposal: Proposal): void {
    if (this.#waiting.some(({ path }) => path === proposal.path)) return;
    this.#waiting.push(proposal);
  }

  /** The replay is over, or a proposal came: accepts it, asks, or says how to answer. */
  review(): void {
    const next = this.#waiting[0];
    if (!next || this.#asking) return;
    const { colors } = this.#screen;
    const { question, rules } = actionOf(next.attributes);
    if (this.#acceptAll && !question) {
      this.#waiting.shift();
      void this.#answer(next, 'accept');
    } else if (this.#keys && this.#session.mayAct) {
      // With several a key is for the oldest, which may not be the one that was shown last.
      const which = this.#waiting.length > 1 ? `   for ${visibleLine(next.path)}` : '';
      this.#screen.line(colors.yellow(`  ${answerKeys(question !== undefined, rules)}${which}`));
    } else if (!this.#hinted) {
      this.#hinted = true;
      this.#screen.line(colors.yellow(`  waiting for an answer; give it with: headgate attach ${this.#run.now}`));
    }
  }

  /** Somebody answered. */
  resolved(path: string): void {
    const index = this.#waiting.findIndex((proposal) => proposal.path === path);
    if (index >= 0) this.#waiting.splice(index, 1);
    if (this.#asking?.path === path) this.#asking.abort.abort();
    else if (index === 0) this.review();
  }

  /** Gives the terminal back. */
  close(): void {
    this.#asking?.abort.abort();
    this.#keys?.close();
  }

  #onKey(key: string): void {
    if (!this.#session.mayAct && /^[aynrmfc]$/i.test(key)) return this.#hint('your token may look and change nothing');
    const next = this.#waiting[0];
    switch (key.toLowerCase()) {
      case CTRL_C:
        return this.#interrupts.press();
      case CTRL_D:
      case 'q':
        return this.#interrupts.leave(0);
      case 'a':
      case 'y':
        if (!next) return this.#hint('nothing waits for an answer');
        void (actionOf(next.attributes).question ? this.#ask(next) : this.#answer(next, 'accept'));
        return;
      case 'r':
      case 'n':
        if (!next) return this.#hint('nothing waits for an answer');
        void this.#answer(next, 'reject');
        return;
      case 'm':
        return this.#remember(next, 'accept');
      case 'f':
        return this.#remember(next, 'reject');
      case 'c':
        void this.#cancelNewest();
        return;
      default:
        return this.#hint('keys: a accept, r reject, m and f the same and remember it, c cancel the running command, q leave');
    }
  }

  #remember(next: Proposal | undefined, action: 'accept' | 'reject'): void {
    if (!next) return this.#hint('nothing waits for an answer');
    if (actionOf(next.attributes).rules[action].length === 0)
      return this.#hint(`no narrow rule can be made of this one; answer it with ${action === 'accept' ? 'a' : 'r'}`);
    void this.#answer(next, action, { remember: true });
  }

  #hint(text: string): void {
    this.#screen.line(this.#screen.colors.dim(`  ${text}`));
  }

  async #answer(proposal: Proposal, action: 'accept' | 'reject', more: { output?: string; remember?: true } = {}): Promise<void> {
    try {
      const { remembered } = await this.#session.call('run/resolve', {
        run: this.#run.now,
        resolution: { path: proposal.path, action, ...more },
      });
      for (const rule of remembered ?? []) this.#hint(`remembered: ${action === 'accept' ? 'allow' : 'deny'} ${visibleLine(rule)}`);
    } catch (error) {
      // Another client was faster: its answer is shown by its own event.
      if (!isWireError(error, 'proposal_resolved')) this.#hint(messageOf(error));
    }
  }

  async #ask(proposal: Proposal): Promise<void> {
    const abort = new AbortController();
    this.#asking = { path: proposal.path, abort };
    this.#keys?.pause();
    this.#screen.endLine();
    const input = this.#console.stdin();
    const line = createInterface({ input, output: this.#console.err.stream, terminal: true });
    try {
      const answer = await line.question('  answer: ', { signal: abort.signal });
      await this.#answer(proposal, 'accept', { output: answer });
    } catch {
      this.#hint('not answered');
    } finally {
      line.close();
      this.#asking = undefined;
      this.#keys?.resume();
    }
  }

  async #cancelNewest(): Promise<void> {
    try {
      const [newest] = await this.#session.call('stream/list', { run: this.#run.now, state: 'live' });
      if (!newest) return this.#hint('no command runs');
      await this.#session.call('stream/cancel', { run: this.#run.now, path: newest.path, reason: 'cancelled at the terminal' });
    } catch (error) {
      this.#hint(messageOf(error));
    }
  }
}
