import { deferred } from '../core/deferred.ts';
import { placeLine } from '../core/place-line.ts';
import type { NotificationParamsOf } from '../rpc/protocol/table.ts';
import { CommandView } from './command-view.ts';
import { CliError } from './errors.ts';
import { EXIT } from './exit-codes.ts';
import { type RunEvent, RunEvents } from './run-events.ts';
import { paragraph, type Screen } from './screen.ts';
import type { Session } from './session.ts';
import { formatStatus, visibleLine } from './text.ts';

export type Proposal = NotificationParamsOf<'run/proposal'>;

/** What the view tells whoever drives it. */
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
  readonly #session: Session;
  readonly #run: string;
  readonly #screen: Screen;
  readonly #answer: Screen;
  readonly #listener: ViewListener;
  readonly #whole: boolean;
  readonly #commands: CommandView;
  readonly #events: RunEvents;
  readonly #queue: RunEvent[] = [];
  /** Producers that had ended when the replay was over: their output is quoted, not followed. */
  #endedBefore: ReadonlySet<string> = new Set();
  /** Proposals shown and not answered yet, and commands that start with an answer still to be shown. */
  readonly #unanswered = new Set<string>();
  readonly #held = new Map<string, RunEvent>();
  #drawing = false;
  #turn = 0;
  #lastText = '';
  readonly #failure = deferred<never>();

  /** @param options - `whole`: show output from its first byte, not only the end of what was there before us */
  constructor(options: { session: Session; run: string; screen: Screen; answer: Screen; listener: ViewListener; whole: boolean }) {
    this.#session = options.session;
    this.#run = options.run;
    this.#screen = options.screen;
    this.#answer = options.answer;
    this.#listener = options.listener;
    this.#whole = options.whole;
    this.#commands = new CommandView({ ...options, failed: (error) => this.#failure.reject(error) });
    this.#events = new RunEvents(options.session, options.run, {
      replayed: (events) => this.#replayed(events),
      happened: (event) => this.#happened(event),
      failed: (error) => this.#failure.reject(error),
    });
  }

  /** Draws what happened after event `since`, then goes on live. Throws what the server answers. */
  open(since: number): Promise<void> {
    return this.#events.open(since);
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
    this.#events.close();
    this.#screen.endLine();
  }

  #replayed(events: readonly RunEvent[]): void {
    if (!this.#whole) this.#endedBefore = new Set(events.flatMap(({ name, params }) => (name === 'stream/ended' ? [params.path] : [])));
    this.#queue.push(...events);
    this.#drawQueue();
  }

  #happened(event: RunEvent): void {
    this.#queue.push(event);
    this.#drawQueue();
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

  async #show({ name, params }: RunEvent): Promise<void> {
    const ended = this.#endedBefore;
    const { colors } = this.#screen;
    switch (name) {
      case 'run/progress':
        return this.#progress(params);
      case 'run/proposal':
        this.#showProposal(params);
        this.#unanswered.add(params.path);
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
      case 'stream/cancelled':
        this.#screen.line(colors.yellow(`  cancelled${params.reason ? `: ${visibleLine(params.reason)}` : ''} (${params.path})`));
        return;
      case 'stream/ended':
        // Told after the last byte, by whoever follows the channels.
        await this.#commands.end(params.path);
        if (ended.has(params.path)) this.#commands.showEnd(params);
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
    const verb = isQuestion(proposal) ? 'asks' : 'proposes';
    const [first = '', ...rest] = paragraph(proposal.command ?? proposal.summary).split('\n');
    this.#screen.line(`${colors.yellow('?')} ${proposal.action} ${verb}: ${colors.bold(first)}`);
    for (const line of rest) this.#screen.line(`    ${colors.bold(line)}`);
    const { options } = proposal.attributes;
    if (Array.isArray(options)) for (const option of options) this.#screen.line(`    - ${visibleLine(String(option))}`);
    const place = placeLine(proposal.attributes);
    if (place !== undefined) this.#screen.line(`  ${colors.yellow('in')} ${visibleLine(place)}`);
    this.#screen.line(colors.dim(`  ${proposal.path}`));
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
    this.#screen.endLine();
    this.#lastText = text;
    this.#answer.line(paragraph(text));
  }

  #state(params: NotificationParamsOf<'run/state'>): void {
    if (params.deleted) {
      this.#failure.reject(new CliError(`run ${params.run} was deleted`, EXIT.failed));
      return;
    }
    const { result } = params;
    if (typeof result === 'string' && result.trim() !== '') this.#say(result);
    if (params.status === 200 || params.status >= 400) {
      const outcome = params.outcome ? `, ${params.outcome}` : '';
      const text = `${this.#run}: ${formatStatus(params.status)}${outcome}`;
      this.#screen.line(params.status === 200 ? this.#screen.colors.green(text) : this.#screen.colors.red(text));
    }
    this.#listener.state?.(params);
  }

  /** Actions without a producer: how they ended, and for a failed one what it says. */
  async #entryChanged(params: NotificationParamsOf<'entry/changed'>): Promise<void> {
    const failed = params.status >= 400 && params.status !== 403 && params.status !== 499;
    if (!params.path.startsWith('log://') || !failed || this.#commands.follows(params.path)) return;
    let body = '';
    try {
      ({ body } = await this.#session.look('get', { run: this.#run, path: params.path }));
    } catch {
      // Removed meanwhile: its status says enough.
    }
    const { colors } = this.#screen;
    this.#screen.line(colors.red(`  ${params.path}: ${formatStatus(params.status)}${params.outcome ? `, ${params.outcome}` : ''}`));
    if (body.trim() !== '' && !body.startsWith('$ ')) this.#screen.line(colors.dim(indent(body)));
  }
}

/** True for a proposal that starts nothing: its accept carries an answer. */
export function isQuestion(proposal: Pick<Proposal, 'command'>): boolean {
  return proposal.command === undefined;
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
