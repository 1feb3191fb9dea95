import { constants } from 'node:os';
import { type Deferred, deferred } from '../../core/deferred.ts';
import { messageOf } from '../../core/errors.ts';
import type { Need, Runtime } from '../../rpc/client/index.ts';
import { FullScreen, type Key, type Picture } from '../attach/full-screen.ts';
import { scrolled } from '../attach/layout.ts';
import { LineEditor } from '../attach/line-editor.ts';
import type { Question } from '../attach/question.ts';
import { cutRow, fitRow, type Row, span } from '../attach/rows.ts';
import type { Console } from '../console.ts';
import { EXIT } from '../exit-codes.ts';
import { visibleLine } from '../text.ts';
import type { TopCommand, TopFeed, TopPicture } from './feed.ts';
import { type Subject, summaryText, type TopRow, topRows } from './rows.ts';

/** Between two looks, milliseconds. */
const LOOK_MS = 2000;
/** A picture follows a key after this time at most, milliseconds: many that come together are one. */
const PICTURE_MS = 50;
const ENDING = ['SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;
const KEYS: readonly (readonly [string, string])[] = [
  ['a', 'accept'],
  ['r', 'reject'],
  ['i', 'input'],
  ['c', 'cancel'],
  ['Enter', 'the run'],
  ['j k', 'move'],
  ['q', 'leave'],
];

/** Why the view was left: with an exit code, or to look at a run. */
export type TopEnd = { readonly code: number } | { readonly project: string; readonly run: string };

/** The live view of all projects that fills a terminal (SPEC {#cli_top}). */
export class TopView {
  readonly #console: Console;
  readonly #feed: TopFeed;
  readonly #screen: FullScreen;
  readonly #over: Deferred<TopEnd> = deferred();
  #picture: TopPicture | undefined;
  #rows: readonly TopRow[] = [];
  #selected = '';
  #top = 0;
  #message = '';
  #question: Question | undefined;
  #drawing: NodeJS.Timeout | undefined;
  #looking = false;

  constructor(console: Console, feed: TopFeed) {
    this.#console = console;
    this.#feed = feed;
    this.#screen = new FullScreen(console, { key: (key) => this.#pressed(key), redraw: () => this.#draw() });
  }

  /** Shows it until it is left. Throws when the server is gone. */
  async show(): Promise<TopEnd> {
    const leaving = ENDING.map((signal) => {
      const leave = () => this.#over.resolve({ code: 128 + constants.signals[signal] });
      process.on(signal, leave);
      return () => void process.off(signal, leave);
    });
    const gone = this.#console.out.onGone(() => this.#over.resolve({ code: EXIT.brokenPipe }));
    await this.#look();
    this.#screen.enter();
    const timer = setInterval(() => void this.#look().catch(this.#over.reject), LOOK_MS);
    try {
      return await this.#over.promise;
    } finally {
      clearInterval(timer);
      clearTimeout(this.#drawing);
      gone();
      for (const undo of leaving) undo();
      this.#screen.leave();
    }
  }

  async #look(): Promise<void> {
    // A server that is slow is not asked twice at once.
    if (this.#looking) return;
    this.#looking = true;
    try {
      this.#picture = await this.#feed.look();
    } finally {
      this.#looking = false;
    }
    this.#draw();
  }

  #draw(): void {
    this.#drawing ??= setTimeout(() => {
      this.#drawing = undefined;
      this.#screen.draw(this.#drawn());
    }, PICTURE_MS);
  }

  #drawn(): Picture {
    const { cols, rows } = this.#screen.size;
    const picture = this.#picture;
    if (!picture) return { rows: [] };
    this.#rows = topRows(picture, cols - 2, Date.now());
    const at = this.#index();
    const height = Math.max(1, rows - 3);
    this.#top = scrolled(this.#top, this.#rows.length, height, at < 0 ? 0 : at, at < 0 ? 0 : at);
    const shown = this.#rows.slice(this.#top, this.#top + height).map(({ row, subject }): Row => {
      const isSelected = subject !== undefined && keyOf(subject) === this.#selected;
      return cutRow([span(isSelected ? '> ' : '  ', 'bold'), ...row], cols);
    });
    while (shown.length < height) shown.push([]);
    const typed = this.#question?.editor.row(cols);
    const keys = KEYS.flatMap(([key, what]) => [span(` ${key} `, 'bold'), span(`${what} `, 'dim')]);
    const title = fitRow([span(` headgate top  ${summaryText(picture)}`)], cols, 'inverse').map((piece): Row[number] => ({
      ...piece,
      styles: ['inverse'],
    }));
    const all = [title, ...shown, typed?.row ?? [span(this.#message, 'yellow')], cutRow(keys, cols)];
    return typed ? { rows: all, cursor: { row: rows - 2, column: typed.column } } : { rows: all };
  }

  /** Of the selected row; the first one is selected where the one that was is gone. */
  #index(): number {
    const found = this.#rows.findIndex(({ subject }) => subject !== undefined && keyOf(subject) === this.#selected);
    if (found >= 0) return found;
    const first = this.#rows.findIndex(({ subject }) => subject !== undefined);
    const subject = this.#rows[first]?.subject;
    this.#selected = subject ? keyOf(subject) : '';
    return first;
  }

  #subject(): Subject | undefined {
    return this.#rows.find(({ subject }) => subject !== undefined && keyOf(subject) === this.#selected)?.subject;
  }

  #pressed(key: Key): void {
    if (this.#question) return this.#typed(this.#question, key);
    this.#message = '';
    if (key.ctrl) {
      if (key.name === 'c') this.#over.resolve({ code: EXIT.interrupted });
      else if (key.name === 'd') this.#over.resolve({ code: EXIT.ok });
      else if (key.name === 'z') this.#screen.suspend();
      else if (key.name === 'l') this.#screen.redraw();
      return;
    }
    this.#act(key);
    this.#draw();
  }

  #act(key: Key): void {
    const subject = this.#subject();
    const need = subject && 'need' in subject ? subject.need : undefined;
    const place = need ?? (subject && 'command' in subject ? subject.command : undefined);
    switch (key.name === 'return' || key.name === 'up' || key.name === 'down' ? key.name : key.sequence) {
      case 'q':
        return this.#over.resolve({ code: EXIT.ok });
      case 'j':
      case 'down':
        return this.#move(1);
      case 'k':
      case 'up':
        return this.#move(-1);
      case 'return':
        if (place) this.#over.resolve({ project: place.project, run: place.run });
        return;
      case 'a':
        return need?.path === undefined || need.kind === 'input'
          ? this.#say('select what is to be answered')
          : this.#answer(need, 'accept');
      case 'r':
        return need?.path === undefined || need.kind === 'input'
          ? this.#say('select what is to be answered')
          : this.#answer(need, 'reject');
      case 'i':
        return place?.path === undefined || (need && need.kind !== 'input') ? this.#say('select a command') : this.#input(place);
      case 'c':
        return place?.path === undefined || (need && need.kind !== 'input') ? this.#say('select a command') : this.#cancel(place);
      default:
        return this.#say('a r answer, i types a line, c cancels, Enter shows the run, q leaves');
    }
  }

  #move(by: number): void {
    const able = this.#rows.flatMap(({ subject }) => (subject ? [keyOf(subject)] : []));
    const at = able.indexOf(this.#selected);
    this.#selected = able[Math.max(0, Math.min(able.length - 1, at + by))] ?? '';
  }

  #answer(need: Need, action: 'accept' | 'reject'): void {
    const isQuestion = need.kind === 'question';
    const resolve = (output?: string) =>
      this.#do(need.project, async (session) => {
        const resolution = { path: need.path ?? '', action, ...(output === undefined || output === '' ? {} : { output }) };
        await session.call('run/resolve', { run: need.run, resolution });
        return `${action}ed ${visibleLine(need.words)}`;
      });
    if (action === 'accept' && !isQuestion) return resolve();
    const label = action === 'reject' ? 'reject; reason, if any: ' : 'answer: ';
    this.#question = { editor: new LineEditor(label), done: resolve };
  }

  #input(command: Pick<TopCommand, 'project' | 'run'> & { readonly path?: string }): void {
    const { project, run, path = '' } = command;
    this.#question = {
      editor: new LineEditor('input: '),
      done: (text) =>
        this.#do(project, async (session) => {
          await session.call('stream/input', { run, path, chunk: `${text}\n` });
          return 'sent';
        }),
    };
  }

  #cancel({ project, run, path = '' }: Pick<TopCommand, 'project' | 'run'> & { readonly path?: string }): void {
    this.#do(project, async (session) => {
      await session.call('stream/cancel', { run, path, reason: 'cancelled in headgate top' });
      return 'cancelled';
    });
  }

  #do(project: string, work: (session: Runtime) => Promise<string>): void {
    const session = this.#feed.session(project);
    if (!session) return this.#say(`the project ${visibleLine(project)} is gone`);
    if (!session.mayAct) return this.#say('your token may look and change nothing');
    work(session).then(
      (said) => {
        this.#say(said);
        void this.#look().catch(this.#over.reject);
      },
      (error: unknown) => this.#say(messageOf(error)),
    );
  }

  #say(message: string): void {
    this.#message = message;
    this.#draw();
  }

  #typed(question: Question, key: Key): void {
    const edited = question.editor.press(key);
    if (edited !== 'edited') {
      this.#question = undefined;
      if (edited === 'done') question.done(question.editor.text);
    }
    this.#draw();
  }
}

function keyOf(subject: Subject): string {
  const { project, run, path = '' } = 'need' in subject ? subject.need : subject.command;
  return `${'need' in subject ? 'need' : 'command'} ${project} ${run} ${path}`;
}
