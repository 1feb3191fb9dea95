import type { Step } from '../../rpc/client/index.ts';
import type { Actions } from './actions.ts';
import type { Desk } from './desk.ts';
import { LineEditor } from './line-editor.ts';

/** Answers proposals, and only those that the user can see (SPEC {#attach_keys}). */
export class Answers {
  readonly #desk: Desk;
  readonly #actions: Actions;
  readonly #newMs: number;
  /** The proposal that was selected by itself, so lately that a key may have been meant for what was there before. */
  #new: string | undefined;
  #aging: NodeJS.Timeout | undefined;
  /** Steps whose answer is on its way. */
  readonly #given = new Set<string>();

  /** @param newMs - how long a proposal that was selected by itself takes no answer, milliseconds */
  constructor(desk: Desk, actions: Actions, newMs: number) {
    this.#desk = desk;
    this.#actions = actions;
    this.#newMs = newMs;
  }

  /** What is selected was selected by itself, not by a key that moves. */
  selectedByItself(id: string | undefined): void {
    this.seen();
    if (id === undefined) return;
    this.#new = id;
    if (this.#newMs !== Infinity) this.#aging = setTimeout(() => this.#aged(), this.#newMs);
  }

  /** What is selected was chosen; also: nothing is to be waited for. */
  seen(): void {
    clearTimeout(this.#aging);
    this.#new = undefined;
  }

  /** Whether keys answer a proposal now. */
  takes({ id }: Step): boolean {
    return id !== this.#new && !this.#given.has(id);
  }

  /** Accepts what is selected; asks for the answer to a question. */
  accept(): void {
    const step = this.#proposal();
    if (!step) return;
    if (!step.action.question) return this.#give(step, 'accept');
    this.#desk.ask({
      editor: new LineEditor('answer: '),
      step: step.id,
      done: (output) => this.#give(step, 'accept', { output }),
    });
  }

  /** Rejects what is selected; asks for a reason. */
  reject(): void {
    const step = this.#proposal();
    if (!step) return;
    this.#desk.ask({
      editor: new LineEditor('reject; reason, if any: '),
      step: step.id,
      done: (reason) => this.#give(step, 'reject', reason.trim() === '' ? {} : { output: reason }),
    });
  }

  /** Returns what is selected and all that is like it. */
  remember(action: 'accept' | 'reject'): void {
    const step = this.#proposal();
    if (!step) return;
    if (step.action.rules[action].length === 0)
      return this.#desk.say(`no narrow rule can be made of this one; answer it with ${action === 'accept' ? 'a' : 'r'}`);
    this.#give(step, action, { remember: true });
  }

  /** The selected proposal, if keys answer it. The first key for one that is not selected only goes to it. */
  #proposal(): Step | undefined {
    const step = this.#desk.proposal();
    if (!step) return undefined;
    if (this.takes(step)) return step;
    this.#desk.say(this.#given.has(step.id) ? 'your answer is on its way' : 'this one is new; look at it and press again');
    return undefined;
  }

  #give(step: Step, action: 'accept' | 'reject', more: { output?: string; remember?: true } = {}): void {
    this.#given.add(step.id);
    this.#desk.do(this.#actions.answer(step, action, more).finally(() => this.#given.delete(step.id)));
  }

  #aged(): void {
    this.#new = undefined;
    this.#desk.redraw();
  }
}
