import { SECRET_PROMPT } from '../../core/secret-prompt.ts';
import { isOver, type Step } from '../../rpc/client/index.ts';
import { visibleLine } from '../text.ts';
import type { Actions } from './actions.ts';
import type { Desk } from './desk.ts';
import type { Key } from './full-screen.ts';
import { LineEditor } from './line-editor.ts';
import { cutRow, span } from './rows.ts';

/** Columns of a command's name before the line that is typed into it. */
const NAME_COLUMNS = 30;

/** Types into commands: a line at a time, or any key into a terminal (SPEC {#attach_keys}). */
export class Typing {
  readonly #desk: Desk;
  readonly #actions: Actions;
  readonly #follow: () => void;
  #into: string | undefined;

  /** @param follow - shows the end of the output, where a terminal's cursor is */
  constructor(desk: Desk, actions: Actions, follow: () => void) {
    this.#desk = desk;
    this.#actions = actions;
    this.#follow = follow;
  }

  /** Path of the command that keys go to as they are. */
  get into(): string | undefined {
    return this.#into;
  }

  /** Types into the command that is meant: keys into a terminal, else lines until Esc; one line that is secret. */
  begin(isSecret: boolean): void {
    const step = this.#desk.running();
    if (!step) return;
    if (!step.takesInput) return this.#desk.say('this command was given no input to type into');
    if (!step.terminal || isSecret) return this.#line(step, isSecret);
    this.#into = step.id;
    this.#follow();
  }

  /** A key for the command in a terminal; Ctrl-] is ours. */
  press(key: Key): void {
    const step = this.#into === undefined ? undefined : this.#desk.timeline.step(this.#into);
    if (!step || key.sequence === '\u001d') this.#into = undefined;
    else if (key.name !== 'paste-start' && key.name !== 'paste-end') this.#desk.do(this.#actions.key(step, key.sequence ?? ''));
  }

  /** No key goes to a terminal whose command has ended. */
  stopIfOver(): void {
    if (this.#into === undefined) return;
    const step = this.#desk.timeline.step(this.#into);
    if (!step || isOver(step)) this.#into = undefined;
  }

  #line(step: Step, isSecret: boolean): void {
    const secret = isSecret || SECRET_PROMPT.test(step.waiting?.prompt ?? '');
    const [name] = cutRow([span(visibleLine(step.title))], NAME_COLUMNS);
    this.#desk.ask({
      editor: new LineEditor(`${secret ? 'secret input' : 'input'} for ${name?.text ?? ''}: `, { isSecret: secret }),
      done: (text) => this.#entered(step.id, text, secret),
      endOfInput: () => this.#desk.do(this.#actions.endInput(step)),
    });
  }

  #entered(path: string, text: string, secret: boolean): void {
    const step = this.#desk.timeline.step(path);
    if (!step || isOver(step)) return this.#desk.say('the command has ended; nothing was sent');
    this.#desk.do(this.#actions.input(step, `${text}${step.terminal ? '\r' : '\n'}`, { secret }));
    // The next line is for the same command, until Esc.
    if (!secret) this.#line(step, false);
  }
}
