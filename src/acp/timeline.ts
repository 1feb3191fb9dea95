import { isEnd } from '../core/end-status.ts';
import { actionOf, kindOf, type RunName, type RuntimeEvent, toolOfPath, turnOfPath } from '../rpc/client/index.ts';
import type { NotificationParamsOf } from '../rpc/protocol/table.ts';
import { isRefusal } from './errors.ts';
import type { Link } from './link.ts';
import type { Outlet } from './outlet.ts';
import type { Proposals } from './proposals.ts';
import { type Entry, ToolCalls } from './tool-calls.ts';
import { Words } from './words.ts';

/** What the timeline tells the code that answers prompts. */
export interface TimelineListener {
  /** True for a loop that this session's own prompt began: its words came from the editor. */
  isOwn(loop: number): Promise<boolean>;
  loopEnded(loop: number, end: { status: number; outcome: string | null }): void;
  /** Why the loop fails whose log entry this is; true when a prompt of this session tells it. */
  trouble(link: Link, path: string, text: string): Promise<boolean>;
  /** The run is gone. */
  deleted(): void;
}

/** Shows one run: its events in order, each thing once, whether a prompt of this session is under way or not (SPEC {#acp_live}). */
export class Timeline {
  readonly calls: ToolCalls;
  readonly #outlet: Outlet;
  readonly #run: RunName;
  readonly #words: Words;
  readonly #proposals: Proposals;
  readonly #listener: TimelineListener;
  /** Entries that are shown once and have no state. */
  readonly #told = new Set<string>();

  constructor(options: { outlet: Outlet; run: RunName; root: string; proposals: Proposals; listener: TimelineListener }) {
    this.#outlet = options.outlet;
    this.#run = options.run;
    this.#proposals = options.proposals;
    this.#listener = options.listener;
    this.#words = new Words(options.outlet);
    this.calls = new ToolCalls(options.outlet, options.run, options.root);
  }

  /** Shows the next event. */
  async handle(link: Link, { name, params }: RuntimeEvent): Promise<void> {
    switch (name) {
      case 'run/text':
        return await this.#words.piece(params);
      case 'run/progress':
        if (params.phase !== 'asking' && params.text !== undefined) await this.#words.whole(params.turn, params.text);
        return;
      case 'entry/changed':
        return await this.#changed(link, params);
      case 'run/proposal':
        return await this.propose(params);
      case 'run/resolved':
        this.#proposals.withdraw(params.path);
        if (!isEnd(params.status)) await this.calls.move(params.path, params.status);
        return;
      case 'stream/started':
        return await this.#started(link, params);
      case 'stream/waiting':
        return await this.calls.waits(params.path, params);
      case 'stream/resumed':
        return await this.calls.waits(params.path, undefined);
      case 'stream/cancelled':
        return this.calls.cancelled(params.path, params.reason);
      case 'stream/ended':
        return await this.calls.ended(params);
      case 'run/state':
        return await this.#state(params);
      case 'ui/render':
        return await this.#outlet.notice('info', params.text);
      case 'ui/notify':
        return await this.#outlet.notice(params.level === 'warn' ? 'warning' : params.level, params.text);
      case 'policy/changed':
      case 'stream/leftover':
      case 'replay/synced':
        return;
    }
  }

  /** Shows a proposal and asks about it, unless it was answered meanwhile. */
  async propose(proposal: { path: string; attributes: Entry['attributes'] }): Promise<void> {
    const { path, attributes } = proposal;
    await this.calls.announce(path, attributes, 202);
    if (this.calls.status(path) === 'pending') this.#proposals.ask(proposal, this.calls.shown(path));
  }

  /** Shows a stored entry with what became of it; `bytes` are the sizes of its channels (SPEC {#acp_load}). */
  async restore(link: Link, entry: Entry, bytes: ReadonlyMap<number, number>): Promise<void> {
    const kind = shownAs(entry.path);
    if (kind === 'call') return await this.calls.restored(link, entry, bytes);
    if (kind !== undefined && isEnd(entry.status)) await this.#tell(link, kind, entry.path);
  }

  async #started(link: Link, { path, command, channels }: NotificationParamsOf<'stream/started'>): Promise<void> {
    await this.#announced(link, path, { command });
    await this.calls.started(link, path, new Map(channels.map(({ channel }) => [channel, 0])));
  }

  async #state({ loop, status, outcome, result, deleted, turn }: NotificationParamsOf<'run/state'>): Promise<void> {
    if (deleted) return this.#listener.deleted();
    if (loop === undefined || !isEnd(status)) return;
    if (typeof result === 'string') await this.#words.say(turn, result, `turn_${turn}_result`);
    this.#listener.loopEnded(loop, { status, outcome });
  }

  async #changed(link: Link, { path, status, removed }: NotificationParamsOf<'entry/changed'>): Promise<void> {
    const kind = removed ? undefined : shownAs(path);
    if (kind === undefined) return;
    if (kind !== 'call') {
      if (isEnd(status)) await this.#tell(link, kind, path);
      return;
    }
    if (this.calls.status(path) === undefined && !(await this.#announced(link, path))) return;
    if (!isEnd(status)) return await this.calls.move(path, status);
    this.#proposals.withdraw(path);
    // The end of a command has an event of its own, and is shown with its output.
    if (this.calls.hasOutput(path)) return;
    const entry = await this.#entry(link, path);
    if (entry) await this.calls.settled(entry);
  }

  /** Announces what was not; false for an entry that is gone. */
  async #announced(link: Link, path: string, otherwise: Entry['attributes'] = {}): Promise<boolean> {
    if (this.calls.status(path) !== undefined) return true;
    const entry = await this.#entry(link, path);
    await this.calls.announce(path, entry?.attributes ?? otherwise, entry?.status ?? 102);
    return entry !== undefined;
  }

  /** Tells an entry that is words: a prompt, what the model thinks or tells people, why a loop ended. */
  async #tell(link: Link, kind: Exclude<ReturnType<typeof shownAs>, 'call' | undefined>, path: string): Promise<void> {
    if (this.#told.has(path)) return;
    this.#told.add(path);
    if (kind === 'prompt' && (await this.#listener.isOwn(loopOfPath(path)))) return;
    const entry = await this.#entry(link, path);
    if (!entry) return;
    if (kind === 'text') return await this.#words.whole(turnOfPath(path), entry.body);
    if (kind === 'update') return await this.#words.say(turnOfPath(path), entry.body, path);
    if (kind === 'limit' || (kind === 'trouble' && !(await this.#listener.trouble(link, path, entry.body))))
      return await this.#words.say(turnOfPath(path), `\n\n${entry.body}`, path);
    if (kind === 'trouble') return;
    if (kind === 'prompt') {
      // No person wrote what wakes an agent.
      if (entry.attributes['by'] === 'server') return;
      return await this.#outlet.send({ sessionUpdate: 'user_message_chunk', content: { type: 'text', text: entry.body }, messageId: path });
    }
    const { text: thought } = actionOf(entry.attributes).input;
    const text = typeof thought === 'string' ? thought : entry.body;
    await this.#outlet.send({ sessionUpdate: 'agent_thought_chunk', content: { type: 'text', text }, messageId: path });
  }

  async #entry(link: Link, path: string): Promise<Entry | undefined> {
    try {
      return await this.#run.ask(async (run) => await link.runtime.look('get', { run, path }));
    } catch (error) {
      if (isRefusal(error, 'not_found')) return undefined;
      throw error;
    }
  }
}

/** What an entry is shown as to an editor; undefined for an entry that is not shown. */
function shownAs(path: string): 'call' | 'text' | 'trouble' | 'limit' | 'update' | 'think' | 'prompt' | undefined {
  const tool = toolOfPath(path);
  switch (kindOf(path)) {
    case 'prompt':
      // What a person adds while a loop works is shown by the editor that it came from.
      return path.endsWith('/user') ? 'prompt' : undefined;
    case 'words':
      return 'text';
    case 'trouble':
      return tool === 'loop' ? 'limit' : 'trouble';
    case 'step':
      return tool === 'update' || tool === 'think' ? tool : 'call';
    case undefined:
      return undefined;
  }
}

function loopOfPath(path: string): number {
  return Number(/^prompt:\/\/loop_(\d+)\//.exec(path)?.[1] ?? 0);
}
