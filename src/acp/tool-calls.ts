import type { ToolCallContent, ToolCallStatus, ToolCallUpdate } from '@agentclientprotocol/sdk';
import { type Deferred, deferred } from '../core/deferred.ts';
import { defined } from '../core/defined.ts';
import { isEnd } from '../core/end-status.ts';
import { visibleLine } from '../core/visible-text.ts';
import { type Action, actionOf, endWord, type RunName } from '../rpc/client/index.ts';
import type { NotificationParamsOf, ResultOf } from '../rpc/protocol/table.ts';
import { CallOutput, TAIL_BYTES } from './call-output.ts';
import type { Link } from './link.ts';
import { blockContent, textContent } from './markdown.ts';
import type { Outlet } from './outlet.ts';
import { type CallFacts, callStatus, describeCall } from './tool-call.ts';

export type Entry = ResultOf<'get'>;
type Ended = NotificationParamsOf<'stream/ended'>;

/** What has been told of one action. */
interface Known {
  facts: CallFacts;
  status: ToolCallStatus;
  isTerminal: boolean;
  output: CallOutput | undefined;
  /** Why it was cancelled. */
  reason: string | undefined;
  readonly over: Deferred<void>;
}

/**
 * The actions of a run as tool calls. Each is announced once and moves from pending to in_progress to its end and never
 * back, so that a replay over what was shown already shows nothing twice (SPEC {#acp_tool_calls}).
 */
export class ToolCalls {
  readonly #outlet: Outlet;
  readonly #run: RunName;
  readonly #root: string;
  readonly #known = new Map<string, Known>();

  constructor(outlet: Outlet, run: RunName, root: string) {
    this.#outlet = outlet;
    this.#run = run;
    this.#root = root;
  }

  /** Where a tool call stands; undefined for what was never announced. */
  status(path: string): ToolCallStatus | undefined {
    return this.#known.get(path)?.status;
  }

  /** Resolves when the end of an action has been told; at once for what was never announced. */
  async over(path: string): Promise<void> {
    await this.#known.get(path)?.over.promise;
  }

  /** The tool call as a question about it shows it. */
  shown(path: string): ToolCallUpdate {
    const known = this.#known.get(path);
    if (!known) return { toolCallId: path };
    const { title, kind, name, locations, rawInput } = known.facts;
    return { toolCallId: path, title, kind, name, locations, rawInput, status: known.status, content: this.#content(path, known) };
  }

  /** Announces an action, or tells what is proposed of one that was announced. */
  async announce(path: string, attributes: Entry['attributes'], status: number): Promise<void> {
    const action = actionOf(attributes);
    const facts = describeCall(path, action, this.#root);
    const known = this.#known.get(path);
    if (known) {
      if (isOver(known.status)) return;
      known.facts = facts;
      const { title, kind, locations, rawInput } = facts;
      await this.#update(path, { title, kind, locations, rawInput, content: this.#content(path, known) });
      return;
    }
    const isTerminal = facts.isCommand && this.#outlet.traits.terminals;
    const added: Known = {
      facts,
      status: isEnd(status) ? 'pending' : callStatus(status),
      isTerminal,
      output: undefined,
      reason: undefined,
      over: deferred(),
    };
    this.#known.set(path, added);
    const { title, kind, name, locations, rawInput } = facts;
    await this.#outlet.send({
      sessionUpdate: 'tool_call',
      toolCallId: path,
      title,
      kind,
      name,
      locations,
      rawInput,
      status: added.status,
      content: this.#content(path, added),
      ...(isTerminal ? { _meta: { terminal_info: { terminal_id: path, cwd: folderOf(action, this.#root) } } } : {}),
    });
  }

  /** Somebody answered, or its tool took it up. */
  async move(path: string, status: number): Promise<void> {
    const known = this.#known.get(path);
    const next = callStatus(status);
    if (!known || isOver(known.status) || known.status === next || next === 'pending' || isEnd(status)) return;
    known.status = next;
    await this.#update(path, { status: next });
  }

  /** A command runs: its output is shown as it comes, each channel from its offset on. */
  async started(link: Link, path: string, from: ReadonlyMap<number, number>): Promise<void> {
    const known = this.#known.get(path);
    if (!known || known.output || isOver(known.status)) return;
    await this.move(path, 102);
    const { isTerminal, facts } = known;
    known.output = new CallOutput({ outlet: this.#outlet, run: this.#run.now, path, isTerminal, before: facts.proposed, from });
    known.output.read(link);
  }

  /** True for a command whose output is or was shown. */
  hasOutput(path: string): boolean {
    return this.#known.get(path)?.output !== undefined;
  }

  /** A command waits for input, or no longer: its title says so. */
  async waits(path: string, waiting: { readonly prompt?: string | undefined } | undefined): Promise<void> {
    const known = this.#known.get(path);
    if (!known || isOver(known.status)) return;
    const { title } = known.facts;
    const after = waiting?.prompt ? `: ${visibleLine(waiting.prompt)}` : '';
    await this.#update(path, { title: waiting === undefined ? title : `${title} (waits for input${after})` });
  }

  /** Somebody cancelled a command; its end is told by `ended`. */
  cancelled(path: string, reason: string | null): void {
    const known = this.#known.get(path);
    if (known) known.reason = reason ?? 'cancelled';
  }

  /** A command ended: told after the last byte of its output. */
  async ended(end: Omit<Ended, 'seq' | 'run' | 'subscription'>): Promise<void> {
    const known = this.#known.get(end.path);
    if (!known || isOver(known.status)) return;
    await known.output?.ended();
    known.status = callStatus(end.status);
    const { status, outcome, exit_code, signal } = end;
    const word = known.reason === undefined ? wordOf(end) : `Cancelled: ${visibleLine(known.reason)}`;
    const how = { exit_code: exit_code ?? null, signal: signal ?? null };
    const content = [...this.#content(end.path, known), ...(word === undefined ? [] : [textContent(word)])];
    const channels = end.channels.map(({ channel, bytes }) => ({ channel, bytes }));
    await this.#update(end.path, {
      title: known.facts.title,
      status: known.status,
      content,
      rawOutput: { status, outcome, ...how, channels },
      ...(known.isTerminal ? { _meta: { terminal_exit: { terminal_id: end.path, ...how } } } : {}),
    });
    known.over.resolve();
  }

  /** An action ended that has no output of its own: its text is its result. */
  async settled({ path, status, outcome, body }: Pick<Entry, 'path' | 'status' | 'outcome' | 'body'>): Promise<void> {
    const known = this.#known.get(path);
    if (!known || isOver(known.status)) return;
    known.status = callStatus(status);
    // A diff says what was done; of a command that never ran the terminal stays empty, and the text says why.
    const isTold = body.trim() === '' || (status === 200 && known.facts.proposed.some(({ type }) => type === 'diff'));
    const content = [...known.facts.proposed, ...(isTold ? [] : [blockContent(body)])];
    const exit = known.isTerminal ? { _meta: { terminal_exit: { terminal_id: path, exit_code: null, signal: null } } } : {};
    await this.#update(path, { status: known.status, content, rawOutput: { status, outcome }, ...exit });
    known.over.resolve();
  }

  /** Announces a stored action with all that became of it (SPEC {#acp_load}). `bytes`: size of each channel. */
  async restored(link: Link, entry: Entry, bytes: ReadonlyMap<number, number>): Promise<void> {
    const { path, attributes, status } = entry;
    await this.announce(path, attributes, status);
    if (bytes.size === 0) {
      if (isEnd(status))
        await this.settled({ ...entry, body: (await this.#run.ask(async (run) => await link.runtime.look('get', { run, path }))).body });
      else await this.move(path, status);
      return;
    }
    await this.started(link, path, new Map([...bytes].map(([channel, size]) => [channel, Math.max(0, size - TAIL_BYTES)])));
    if (!isEnd(status)) return;
    const { exitCode, signal } = actionOf(attributes);
    await this.ended({
      path,
      status,
      outcome: entry.outcome,
      channels: [...bytes].map(([channel, size]) => ({ channel, bytes: size, status, path })),
      ...defined({ exit_code: exitCode, signal }),
    });
  }

  /** Goes on with the output of what runs, over another connection. */
  resume(link: Link): void {
    for (const { output, status } of this.#known.values()) if (!isOver(status)) output?.read(link);
  }

  /** Output is no longer shown. */
  close(): void {
    for (const { output } of this.#known.values()) output?.close();
  }

  #content(path: string, known: Known): ToolCallContent[] {
    if (known.output) return known.output.content();
    return [...known.facts.proposed, ...(known.isTerminal ? [{ type: 'terminal' as const, terminalId: path }] : [])];
  }

  async #update(path: string, update: Omit<ToolCallUpdate, 'toolCallId'>): Promise<void> {
    await this.#outlet.send({ sessionUpdate: 'tool_call_update', toolCallId: path, ...update });
  }
}

function isOver(status: ToolCallStatus): boolean {
  return status === 'completed' || status === 'failed';
}

/** What people are told of an end that the exit code does not say. */
function wordOf(end: Pick<Ended, 'status' | 'outcome' | 'exit_code' | 'signal'>): string | undefined {
  if (end.status === 200 || end.outcome === null || end.outcome.startsWith('exit:')) return undefined;
  const word = endWord(end);
  return `${word.charAt(0).toUpperCase()}${word.slice(1)}`;
}

function folderOf({ plan }: Action, root: string): string {
  const cwd = plan?.spec['cwd'];
  return typeof cwd === 'string' && cwd !== '' ? cwd : root;
}
