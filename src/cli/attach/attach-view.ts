import { constants } from 'node:os';
import { deferred } from '../../core/deferred.ts';
import { type Item, isLeftover, isLive, type RunName, type Runtime, type Step } from '../../rpc/client/index.ts';
import type { Console } from '../console.ts';
import { CliError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { visibleLine } from '../text.ts';
import { Actions } from './actions.ts';
import { Answers } from './answers.ts';
import type { Desk } from './desk.ts';
import { detailRows } from './detail-rows.ts';
import { FullScreen, type Key, type Picture } from './full-screen.ts';
import { type TimelineRows, timelineRows } from './item-rows.ts';
import { helpRows, keyBar } from './keymap.ts';
import { compose, detailOrigin, panesOf, scrolled, timelineColumns } from './layout.ts';
import { LineEditor } from './line-editor.ts';
import { OutputPane } from './output-pane.ts';
import type { Question } from './question.ts';
import { type Row, span } from './rows.ts';
import { RunFeed } from './run-feed.ts';
import { titleRow } from './title.ts';
import { Typing } from './typing.ts';

/** How often a picture with running times is drawn again, milliseconds. */
const TICK_MS = 1000;
/** Between two pictures, milliseconds: every piece of output changes what is shown. */
const PICTURE_MS = 50;
/** How long a key may have been meant for what was selected before, milliseconds. */
const NEW_MS = 500;
/** Keys that change something. */
const ACTING = new Set('ayrmfcsiIp');
/** Signals that end us; the terminal is given back first. */
const ENDING = ['SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2'] as const;

/** The view of a run that fills a terminal: what happened, the details and the output of what is selected, and keys (SPEC {#cli_attach}). */
export class AttachView {
  readonly #console: Console;
  readonly #session: Runtime;
  readonly #run: RunName;
  readonly #screen: FullScreen;
  readonly #feed: RunFeed;
  readonly #output: OutputPane;
  readonly #actions: Actions;
  readonly #answers: Answers;
  readonly #typing: Typing;
  readonly #over = deferred<number>();
  readonly #letters: Readonly<Record<string, (() => void) | undefined>> = {
    k: () => this.#move(-1),
    j: () => this.#move(1),
    g: () => this.#toEnd(-1),
    G: () => this.#toEnd(1),
    q: () => this.#over.resolve(EXIT.ok),
    '?': () => this.#help(),
    '/': () => this.#search(),
    n: () => this.#output.found(1),
    N: () => this.#output.found(-1),
    a: () => this.#answers.accept(),
    y: () => this.#answers.accept(),
    r: () => this.#answers.reject(),
    m: () => this.#answers.remember('accept'),
    f: () => this.#answers.remember('reject'),
    c: () => this.#cancel(),
    s: () => this.#signal(),
    i: () => this.#typing.begin(false),
    I: () => this.#typing.begin(true),
    R: () => this.#receipt(),
    p: () => this.#prompt(),
  };
  #connection = '';
  #message = '';
  #selected: string | undefined;
  /** The newest item is selected, whichever it is. */
  #atEnd = true;
  #isOpen = false;
  #showsHelp = false;
  #question: Question | undefined;
  #isPasting = false;
  /** Ctrl-C was pressed and nothing else since. */
  #interrupted = false;
  #timelineTop = 0;
  #detailTop = 0;
  #drawing = false;
  #drawnAt = -Infinity;
  #undo: (() => void)[] = [];

  /** @param newMs - how long a proposal that was selected by itself takes no answer, milliseconds */
  constructor(console: Console, session: Runtime, run: RunName, newMs = NEW_MS) {
    this.#console = console;
    this.#session = session;
    this.#run = run;
    this.#screen = new FullScreen(console, { key: (key) => this.#pressed(key), redraw: () => this.#draw() });
    this.#feed = new RunFeed(session, run, { changed: () => this.#changed(), failed: (error) => this.#over.reject(error) });
    this.#output = new OutputPane({ session, run, changed: (problem) => this.#say(problem) });
    this.#actions = new Actions(session, run);
    const desk: Desk = {
      timeline: this.#feed.timeline,
      running: () => this.#running(),
      proposal: () => this.#proposal(),
      say: (message) => this.#say(message),
      ask: (question) => this.#ask(question),
      do: (task) => this.#do(task),
      redraw: () => this.#draw(),
    };
    this.#answers = new Answers(desk, this.#actions, newMs);
    this.#typing = new Typing(desk, this.#actions, () => this.#output.follow());
  }

  /** What is said of the connection. */
  connection(notice: string): void {
    this.#connection = notice;
    this.#actions.isConnected = notice === '';
    this.#draw();
  }

  /** Shows the run until it is left; returns the exit code. Throws the error that the server returns, and when it is gone for good. */
  async show(): Promise<number> {
    try {
      await this.#feed.open();
      this.#listen();
      this.#screen.enter();
      this.#changed();
      return await this.#over.promise;
    } finally {
      for (const undo of this.#undo.splice(0)) undo();
      this.#output.close();
      this.#feed.close();
      this.#answers.seen();
      this.#screen.leave();
    }
  }

  /** Commands that go on when it is left. */
  get running(): number {
    return this.#feed.timeline.running.length;
  }

  #listen(): void {
    const leaving = ENDING.map((signal) => {
      const leave = () => this.#over.resolve(128 + constants.signals[signal]);
      process.on(signal, leave);
      return () => void process.off(signal, leave);
    });
    const onInterrupt = () => this.#interrupt();
    process.on('SIGINT', onInterrupt);
    const ticking = setInterval(() => {
      if (this.#feed.timeline.running.length > 0) this.#draw();
    }, TICK_MS);
    this.#undo = [
      ...leaving,
      () => void process.off('SIGINT', onInterrupt),
      () => clearInterval(ticking),
      this.#console.out.onGone(() => this.#over.resolve(EXIT.brokenPipe)),
    ];
  }

  #changed(): void {
    const { timeline } = this.#feed;
    if (timeline.run.deleted) return this.#over.reject(new CliError(`run ${this.#run.now} was deleted`, EXIT.failed));
    if (this.#question?.step !== undefined && timeline.step(this.#question.step)?.state !== 'proposed') {
      this.#question = undefined;
      this.#message = 'it was answered elsewhere';
    }
    this.#typing.stopIfOver();
    // A view at the end moves to the proposal that waits, and else to the newest item; not while typing: the command that is typed into stays in sight.
    const isTyping = this.#question !== undefined || this.#typing.into !== undefined;
    if (this.#atEnd && !isTyping && this.#step()?.state !== 'proposed') this.#goTo(timeline.proposals[0] ?? timeline.items.at(-1));
    this.#feed.look(this.#selected);
    this.#output.show(this.#step());
    this.#draw();
  }

  #say(message: string | undefined): void {
    if (message !== undefined) this.#message = message;
    this.#draw();
  }

  /** Selects an item that the user did not move to. */
  #goTo(item: Item | undefined): void {
    if (item?.id === this.#selected) return;
    this.#select(item?.id);
    this.#answers.selectedByItself(item?.id);
  }

  #select(id: string | undefined): void {
    if (id === this.#selected) return;
    this.#answers.seen();
    this.#selected = id;
    this.#detailTop = 0;
    this.#feed.look(id);
    this.#output.show(this.#step());
  }

  #item(): Item | undefined {
    return this.#feed.timeline.item(this.#selected);
  }

  #step(): Step | undefined {
    const item = this.#item();
    return item?.kind === 'step' ? item : undefined;
  }

  /** Draws soon: what changes within one turn of the event loop is one picture, and so is what changes soon after the one before. */
  #draw(): void {
    if (this.#drawing) return;
    this.#drawing = true;
    const draw = () => {
      this.#drawing = false;
      this.#drawnAt = performance.now();
      this.#screen.draw(this.#picture());
    };
    const wait = this.#drawnAt + PICTURE_MS - performance.now();
    if (wait > 0) setTimeout(draw, wait);
    else setImmediate(draw);
  }

  #picture(): Picture {
    const { timeline } = this.#feed;
    const size = this.#screen.size;
    const now = Date.now();
    const drawn = timelineRows(timeline, timelineColumns(size.cols), this.#selected, now);
    const panes = panesOf(size, this.#isOpen || this.#showsHelp, drawn.rows.length);
    this.#timelineTop = this.#scrolled(drawn, panes.timeline.rows);
    const { detail, caption, cursor } = this.#detail(panes.detail.columns, panes.detail.rows, now);
    const typed = this.#question?.editor.row(size.cols);
    const rows = compose(
      panes,
      {
        title: titleRow(this.#run.now, timeline, this.#connection === '', size.cols),
        timeline: drawn.rows.slice(this.#timelineTop, this.#timelineTop + panes.timeline.rows),
        caption,
        detail,
        message: typed?.row ?? [span(this.#connection === '' ? this.#message : this.#connection, 'yellow')],
        keys: this.#keys(),
      },
      size.cols,
    );
    if (typed) return { rows, cursor: { row: size.rows - 2, column: typed.column } };
    const origin = detailOrigin(panes);
    return { rows, cursor: cursor && { row: origin.row + cursor.row, column: origin.column + cursor.column } };
  }

  /** Where the timeline begins, so that the selected item is seen, and at the end what is below it too. */
  #scrolled({ rows, owners }: TimelineRows, height: number): number {
    const first = Math.max(0, owners.indexOf(this.#selected));
    const last = Math.min(Math.max(first, owners.lastIndexOf(this.#selected)), first + Math.max(0, height - 1));
    const top = this.#atEnd ? rows.length : this.#timelineTop;
    return scrolled(top, rows.length, height, first, last);
  }

  #keys(): Row {
    if (this.#question) {
      const keys = [span(' Enter ', 'bold'), span('done ', 'dim'), span(' Esc ', 'bold'), span('not now ', 'dim')];
      // The row of messages is being typed in.
      return [...keys, span(` ${this.#message}`, 'yellow')];
    }
    if (this.#typing.into !== undefined)
      return [span(' keys go to the command ', 'inverse'), span(' Ctrl-] ', 'bold'), span('stop typing', 'dim')];
    const step = this.#step();
    return keyBar(step, this.#isOpen, { answers: step !== undefined && this.#answers.takes(step), mayAct: this.#session.mayAct });
  }

  #detail(columns: number, height: number, now: number): { detail: readonly Row[]; caption: Row; cursor?: Picture['cursor'] } {
    if (this.#showsHelp) return { detail: helpRows().slice(this.#detailTop), caption: [span('keys', 'bold')] };
    const item = this.#item();
    if (!item || height <= 0) return { detail: [], caption: [] };
    const head = detailRows(item, columns, now);
    const name = item.kind === 'step' ? visibleLine(item.id) : `turn ${item.turn}`;
    if (item.kind !== 'step' || item.channels.length === 0) {
      this.#detailTop = Math.max(0, Math.min(this.#detailTop, head.length - height));
      const more =
        head.length > height ? `  rows ${this.#detailTop + 1}-${Math.min(head.length, this.#detailTop + height)} of ${head.length}` : '';
      return { detail: head.slice(this.#detailTop), caption: [span(`${name}${more}`)] };
    }
    const above = head.slice(0, Math.max(1, Math.floor(height / 2)));
    const { rows, label, cursor } = this.#output.rows(columns, height - above.length);
    const at = cursor && this.#typing.into === item.id ? { row: above.length + cursor.row, column: cursor.column } : undefined;
    return { detail: [...above, ...rows], caption: [span(label === '' ? name : label)], cursor: at };
  }

  #pressed(key: Key): void {
    if (this.#typing.into !== undefined) {
      this.#typing.press(key);
      return this.#changed();
    }
    if (this.#question) return this.#edited(this.#question, key);
    // What is pasted is no keys.
    if (key.name === 'paste-start' || key.name === 'paste-end') this.#isPasting = key.name === 'paste-start';
    if (this.#isPasting || key.name === 'paste-end') return;
    this.#message = '';
    if (key.ctrl) return this.#control(key.name);
    this.#interrupted = false;
    if (this.#showsHelp) this.#showsHelp = key.name === 'up' || key.name === 'down';
    else this.#command(key);
    this.#draw();
  }

  #control(name: string | undefined): void {
    if (name === 'c') return this.#interrupt();
    this.#interrupted = false;
    if (name === 'd') this.#over.resolve(EXIT.ok);
    else if (name === 'z') this.#screen.suspend();
    else if (name === 'l') this.#screen.redraw();
  }

  #command(key: Key): void {
    switch (key.name) {
      case 'up':
        return this.#move(-1);
      case 'down':
        return this.#move(1);
      case 'pageup':
        return this.#turn(-1);
      case 'pagedown':
      case 'space':
        return this.#turn(1);
      case 'home':
        return this.#toEnd(-1);
      case 'end':
        return this.#toEnd(1);
      case 'return':
      case 'enter':
        this.#isOpen = !this.#isOpen;
        return;
      case 'escape':
        this.#isOpen = false;
        return;
      case 'tab':
        return this.#output.nextChannel();
      default:
        return this.#letter(key.sequence ?? '');
    }
  }

  #letter(letter: string): void {
    const act = this.#letters[letter];
    if (!this.#session.mayAct && ACTING.has(letter)) this.#message = 'your token may look and change nothing';
    else if (act) act();
    else this.#message = '? shows the keys';
  }

  #help(): void {
    this.#showsHelp = true;
    this.#detailTop = 0;
  }

  #move(by: number): void {
    if (this.#isOpen) return this.#scroll(by);
    const { items } = this.#feed.timeline;
    const at = items.findIndex(({ id }) => id === this.#selected);
    const next = Math.max(0, Math.min(items.length - 1, at + by));
    this.#atEnd = next === items.length - 1 && by > 0;
    this.#select(items[next]?.id);
  }

  #toEnd(direction: 1 | -1): void {
    if (this.#isOpen) {
      this.#detailTop = direction < 0 ? 0 : Infinity;
      if (this.#hasOutput()) return direction < 0 ? this.#output.toStart() : this.#output.follow();
      return;
    }
    const { items } = this.#feed.timeline;
    this.#atEnd = direction > 0;
    this.#select((direction < 0 ? items[0] : items.at(-1))?.id);
  }

  #turn(pages: 1 | -1): void {
    if (this.#hasOutput()) this.#output.turn(pages);
    else this.#scroll(pages * Math.max(1, panesOf(this.#screen.size, this.#isOpen, 0).detail.rows - 1));
  }

  #scroll(by: number): void {
    if (this.#hasOutput()) this.#output.scroll(by);
    else this.#detailTop = Math.max(0, this.#detailTop + by);
  }

  #hasOutput(): boolean {
    return (this.#step()?.channels.length ?? 0) > 0;
  }

  #interrupt(): void {
    const [newest] = this.#feed.timeline.running.filter(({ state }) => state !== 'cancelling').slice(-1);
    const step = this.#step();
    const running = step && isLive(step) && step.state !== 'cancelling' ? step : newest;
    if (this.#interrupted || !running || !this.#session.mayAct) return this.#over.resolve(EXIT.interrupted);
    this.#interrupted = true;
    this.#select(running.id);
    this.#message = 'Ctrl-C again leaves';
    this.#do(this.#actions.cancel(running).then((said) => `${said}; Ctrl-C again leaves`));
  }

  /** The selected proposal; where something else is selected it only goes to the oldest that waits. */
  #proposal(): Step | undefined {
    const step = this.#step();
    if (step?.state === 'proposed') {
      // What comes of it, and the next one, is at the end.
      this.#atEnd = true;
      return step;
    }
    const [oldest] = this.#feed.timeline.proposals;
    this.#message = oldest ? 'this one waits for your answer' : 'nothing waits for an answer';
    if (oldest) this.#goTo(oldest);
    return undefined;
  }

  /** The selected command if it runs, else the newest that does, which is then selected. */
  #running(): Step | undefined {
    const step = this.#step();
    if (step && isLive(step)) return step;
    const newest = this.#feed.timeline.running.at(-1);
    if (newest) this.#select(newest.id);
    else this.#message = 'no command runs';
    return newest;
  }

  /** The same, or a selected one that has ended and left something running. */
  #endable(): Step | undefined {
    const step = this.#step();
    return step && isLeftover(step) ? step : this.#running();
  }

  #cancel(): void {
    const step = this.#endable();
    if (step) this.#do(this.#actions.cancel(step));
  }

  #signal(): void {
    const step = this.#endable();
    if (!step) return;
    this.#ask({
      editor: new LineEditor('signal: ', { text: 'INT' }),
      done: (signal) => this.#do(this.#actions.signal(step, signal.trim())),
    });
  }

  #receipt(): void {
    const step = this.#step();
    if (!step || step.channels.length === 0) {
      this.#message = 'only a command has a receipt';
      return;
    }
    this.#do(
      this.#feed.learnReceipt(step.id).then(
        (known) => (known ? '' : 'it was not cancelled'),
        (error: unknown) => String(error),
      ),
    );
  }

  #prompt(): void {
    const { status } = this.#feed.timeline.run;
    const isBusy = status === 102 || status === 202;
    this.#ask({
      editor: new LineEditor(isBusy ? 'tell the model: ' : 'prompt: '),
      done: (text) => {
        if (text.trim() === '') return;
        this.#atEnd = true;
        this.#do(this.#actions.prompt(text, isBusy));
      },
    });
  }

  #search(): void {
    if (!this.#hasOutput()) {
      this.#message = 'there is no output to search in';
      return;
    }
    this.#ask({
      editor: new LineEditor('/'),
      done: (pattern) => {
        if (pattern !== '') this.#output.search(pattern);
      },
    });
  }

  #ask(question: Question): void {
    this.#question = question;
    this.#draw();
  }

  #edited(question: Question, key: Key): void {
    const edited = question.editor.press(key);
    if (edited === 'edited') return this.#draw();
    this.#question = undefined;
    this.#message = '';
    if (edited === 'done') question.done(question.editor.text);
    if (edited === 'end of input') question.endOfInput?.();
    this.#changed();
  }

  #do(task: Promise<string>): void {
    void task.then((said) => this.#say(said === '' ? undefined : said));
  }
}
