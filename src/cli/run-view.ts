import { deferred } from '../core/deferred.ts';
import { isEnd } from '../core/end-status.ts';
import {
  actionOf,
  type Entry,
  endWord,
  entriesOf,
  kindOf,
  placeLine,
  type RunName,
  type Runtime,
  type RuntimeEvent,
} from '../rpc/client/index.ts';
import type { NotificationParamsOf } from '../rpc/protocol/table.ts';
import { CommandView } from './command-view.ts';
import { diffLines } from './diff-lines.ts';
import { CliError } from './errors.ts';
import { EXIT } from './exit-codes.ts';
import { DrawnWords } from './live-words.ts';
import { ruleLines } from './remembered-rules.ts';
import { paragraph, type Screen } from './screen.ts';
import { formatStatus, visibleLine } from './text.ts';

export type Proposal = NotificationParamsOf<'run/proposal'>;

/** What the view tells its driver. */
export interface ViewListener {
  proposed?(proposal: Proposal): void;
  resolved?(path: string): void;
  /** A loop changed status, or the run when `loop` is missing. */
  state?(state: NotificationParamsOf<'run/state'>): void;
  /** The replay is over; what comes now is live. */
  synced?(): void;
}

/**
 * Draws one run: its events in order of `seq`, and the output of its commands as it comes. `answer` is where the
 * model's own words go, `screen` takes the rest; they may be the same.
 */
export class RunView {
  readonly #session: Runtime;
  readonly #run: RunName;
  readonly #screen: Screen;
  readonly #answer: Screen;
  readonly #listener: ViewListener;
  readonly #whole: boolean;
  readonly #commands: CommandView;
  readonly #words: DrawnWords;
  readonly #queue: RuntimeEvent[] = [];
  /** Producers that had ended when the replay was over: their output is quoted, not followed. */
  #endedBefore: ReadonlySet<string> = new Set();
  /** Proposals shown and not answered yet, and commands that start with an answer still to be shown. */
  readonly #unanswered = new Set<string>();
  readonly #proposed = new Set<string>();
  readonly #held = new Map<string, RuntimeEvent>();
  #drawing = false;
  #turn = 0;
  #lastText = '';
  readonly #failure = deferred<never>();
  readonly #stop = new AbortController();

  /** @param options - `whole`: show output from its first byte, not only the end of what was there before us */
  constructor(options: { session: Runtime; run: RunName; screen: Screen; answer: Screen; listener: ViewListener; whole: boolean }) {
    this.#session = options.session;
    this.#run = options.run;
    this.#screen = options.screen;
    this.#answer = options.answer;
    this.#listener = options.listener;
    this.#whole = options.whole;
    this.#commands = new CommandView({ ...options, failed: (error) => this.#failure.reject(error) });
    this.#words = new DrawnWords(options.answer);
  }

  /** Draws what happened after event `since`, then goes on live. */
  open(since: number): void {
    this.#read(since).catch((error: unknown) => this.#failure.reject(error));
  }

  /** Never resolves; rejects when the view cannot go on. */
  failed(): Promise<never> {
    return this.#failure.promise;
  }

  /** Shows an answered producer to its end, then everything that was queued. */
  settled(): Promise<void> {
    return this.#commands.settled();
  }

  /** Output of commands that still run is no longer shown. */
  close(): void {
    this.#commands.close();
    this.#stop.abort();
    this.#screen.endLine();
  }

  async #read(since: number): Promise<void> {
    let replayed: RuntimeEvent[] | undefined = [];
    for await (const event of this.#session.events({ run: this.#run.now, since, signal: this.#stop.signal })) {
      this.#run.take(event);
      if (!replayed) {
        this.#queue.push(event);
      } else {
        replayed.push(event);
        if (event.name !== 'replay/synced') continue;
        const ended = replayed.flatMap(({ name, params }) => (name === 'stream/ended' ? [params.path] : []));
        if (!this.#whole) this.#endedBefore = new Set(ended);
        if (since === 0 && replayed[0]) await showHistory(this.#session, this.#run.now, replayed[0], this.#screen);
        this.#queue.push(...replayed);
        replayed = undefined;
      }
      this.#drawQueue();
    }
  }

  /** Draws what is queued, unless that is under way. */
  #drawQueue(): void {
    if (this.#drawing) return;
    this.#drawing = true;
    this.#draw()
      .catch((error: unknown) => this.#failure.reject(error))
      .finally(() => {
        this.#drawing = false;
        if (this.#queue.length > 0) this.#drawQueue();
      });
  }

  async #draw(): Promise<void> {
    for (let event = this.#queue.shift(); event; event = this.#queue.shift()) {
      if (event.name === 'stream/started' && this.#unanswered.has(event.params.path)) {
        // Its answer comes in the same transaction, behind it; people read it the other way round.
        this.#held.set(event.params.path, event);
        continue;
      }
      await this.#show(event);
      if (event.name === 'run/resolved') {
        const held = this.#held.get(event.params.path);
        this.#held.delete(event.params.path);
        if (held) await this.#show(held);
      }
    }
  }

  async #show({ name, params }: RuntimeEvent): Promise<void> {
    const ended = this.#endedBefore;
    const { colors } = this.#screen;
    switch (name) {
      case 'run/progress':
        return this.#progress(params);
      case 'run/text':
        return await this.#words.take(params);
      case 'run/proposal':
        this.#showProposal(params);
        this.#unanswered.add(params.path);
        this.#proposed.add(params.path);
        this.#listener.proposed?.(params);
        return;
      case 'run/resolved':
        this.#screen.line(colors.dim(`  ${answerWord(params.action)} by ${visibleLine(params.by)}`));
        this.#unanswered.delete(params.path);
        this.#listener.resolved?.(params.path);
        return;
      case 'stream/started':
        if (ended.has(params.path)) await this.#commands.quote(params);
        else this.#commands.follow(params);
        return;
      case 'stream/waiting':
        if (!ended.has(params.path)) this.#showWaiting(params);
        return;
      case 'stream/resumed':
      case 'policy/changed':
        return;
      case 'stream/cancelled':
        this.#screen.line(colors.yellow(`  cancelled${params.reason ? `: ${visibleLine(params.reason)}` : ''} (${params.path})`));
        return;
      case 'stream/ended':
        // Told after the last byte, by the reader of the channels.
        await this.#commands.end(params.path);
        if (ended.has(params.path)) this.#commands.showEnd(params);
        return;
      case 'stream/leftover':
        if (params.state === 'running' && params.limit === null) this.#showLeftover(params);
        return;
      case 'entry/changed':
        return await this.#entryChanged(params);
      case 'ui/render':
        this.#screen.line(paragraph(params.text));
        return;
      case 'ui/notify':
        this.#screen.line(`${params.level === 'info' ? '' : `${params.level}: `}${paragraph(params.text)}`);
        return;
      case 'run/state':
        return this.#state(params);
      case 'replay/synced':
        this.#listener.synced?.();
        return;
    }
  }

  #showProposal(proposal: Proposal): void {
    const { colors } = this.#screen;
    const action = actionOf(proposal.attributes);
    const { question, diff, rules } = action;
    const verb = question ? 'asks' : 'proposes';
    const [first = '', ...rest] = paragraph(proposal.command ?? proposal.summary).split('\n');
    this.#screen.line(`${colors.yellow('?')} ${proposal.action} ${verb}: ${colors.bold(first)}`);
    for (const line of rest) this.#screen.line(`    ${colors.bold(line)}`);
    for (const option of question?.options ?? []) this.#screen.line(`    - ${visibleLine(option)}`);
    if (diff !== undefined) for (const line of diffLines(diff, colors)) this.#screen.line(`    ${line}`);
    const place = placeLine(action);
    if (place !== undefined) this.#screen.line(`  ${colors.yellow('in')} ${visibleLine(place)}`);
    for (const line of ruleLines(rules)) this.#screen.line(colors.dim(line));
    this.#screen.line(colors.dim(`  ${proposal.path}`));
  }

  #showWaiting({ path, prompt }: NotificationParamsOf<'stream/waiting'>): void {
    const after = prompt === undefined ? '' : `, after ${JSON.stringify(visibleLine(prompt))}`;
    this.#screen.line(this.#screen.colors.yellow(`  waits for input${after}; to type: headgate tty --attach ${this.#run.now} ${path}`));
  }

  #showLeftover({ path, processes }: NotificationParamsOf<'stream/leftover'>): void {
    const some = processes.length === 1 ? '1 process of it runs on' : `${processes.length} processes of it run on`;
    this.#screen.line(this.#screen.colors.yellow(`  ${some}; to end that: headgate cancel ${this.#run.now} ${path}`));
  }

  #progress(params: NotificationParamsOf<'run/progress'>): void {
    const { colors } = this.#screen;
    if (params.turn !== this.#turn) {
      this.#turn = params.turn;
      this.#lastText = '';
      this.#screen.line(colors.cyan(`turn ${params.turn}`));
    }
    // A text is told with every phase from its turn's answer on.
    if (params.text !== undefined && params.text.trim() !== '') this.#say(params.text);
    else if (params.phase === 'asking') this.#screen.status('the model is thinking ...');
  }

  #say(text: string): void {
    if (text.trim() === this.#lastText.trim()) return;
    this.#lastText = text;
    if (this.#words.drew(text)) return;
    this.#screen.endLine();
    this.#answer.line(paragraph(text));
  }

  #state(params: NotificationParamsOf<'run/state'>): void {
    if (params.deleted) {
      this.#failure.reject(new CliError(`run ${params.run} was deleted`, EXIT.failed));
      return;
    }
    const { result } = params;
    if (typeof result === 'string' && result.trim() !== '') this.#say(result);
    if (isEnd(params.status)) {
      const outcome = params.outcome ? `, ${endWord(params)}` : '';
      const text = `${this.#run.now}: ${formatStatus(params.status)}${outcome}`;
      this.#screen.line(params.status === 200 ? this.#screen.colors.green(text) : this.#screen.colors.red(text));
    }
    this.#listener.state?.(params);
  }

  /** What an action did that needed no answer. */
  async #showDone(path: string): Promise<void> {
    // Removed meanwhile: there is nothing to say of it.
    const entry = await this.#session.look('get', { run: this.#run.now, path }).catch(() => undefined);
    if (entry === undefined) return;
    const { tool, summary, diff } = actionOf(entry.attributes);
    if (tool === undefined || summary === undefined) return;
    // An update is the model's words to people; the last one is shown as the result.
    if (tool === 'update') return this.#say(entry.body);
    const { colors } = this.#screen;
    this.#screen.line(colors.dim(`  ${visibleLine(summary)}`));
    if (diff !== undefined) for (const line of diffLines(diff, colors)) this.#screen.line(`    ${line}`);
  }

  /** Actions without a producer: what they did, how they ended, and for a failed one what it says. */
  async #entryChanged(params: NotificationParamsOf<'entry/changed'>): Promise<void> {
    if (!params.path.startsWith('log://') || this.#commands.shows(params.path)) return;
    if (params.status === 200 && !this.#proposed.has(params.path)) return await this.#showDone(params.path);
    // A rejection is shown with its answer; a refusal without a question is shown here.
    const failed = params.status >= 400 && (params.status !== 403 || !this.#proposed.has(params.path)) && params.status !== 499;
    if (!failed) return;
    let body = '';
    try {
      ({ body } = await this.#session.look('get', { run: this.#run.now, path: params.path }));
    } catch {
      // Removed meanwhile: its status says enough.
    }
    const { colors } = this.#screen;
    this.#screen.line(colors.red(`  ${params.path}: ${endWord(params)}`));
    if (body.trim() !== '' && !body.startsWith('$ ')) this.#screen.line(colors.dim(indent(body)));
  }
}

function answerWord(action: 'accept' | 'reject' | 'error'): string {
  return action === 'error' ? 'failed' : `${action}ed`;
}

function indent(text: string): string {
  return paragraph(text)
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n');
}

/** What a copy of a run has of the first one: no event of its own tells it (SPEC {#cli_attach}). `first` is the first event of the run. */
async function showHistory(session: Runtime, run: string, first: RuntimeEvent, screen: Screen): Promise<void> {
  if (first.name !== 'run/state' || first.params.turn === 0) return;
  const { turn } = first.params;
  for (const entry of await entriesOf(session, { run, pattern: 'log://**' })) if (entry.turn <= turn) showEntry(entry, screen);
  screen.line(screen.colors.dim(`copied up to turn ${turn}`));
}

function showEntry({ path, body, attributes }: Entry, screen: Screen): void {
  const { command, summary } = actionOf(attributes);
  if (kindOf(path) === 'words') screen.line(paragraph(body));
  else if (command !== undefined) screen.line(paragraph(body.startsWith('$ ') ? body : `$ ${command}`));
  else if (summary !== undefined) screen.line(screen.colors.dim(`  ${visibleLine(summary)}`));
}
