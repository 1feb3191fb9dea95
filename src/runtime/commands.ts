import { defined } from '../core/defined.ts';
import { HeadgateError } from '../core/errors.ts';
import { type Command, commandText, launchOf, type Shell } from '../model/launch.ts';
import { slugOf } from '../model/paths.ts';
import { type PlaceRequest, placeOf, watchesPane, watchTitle } from '../model/place.ts';
import type { Run } from '../model/records.ts';
import type { ChannelState } from '../stream/index.ts';
import { withChannels } from './client-channels.ts';
import type { Actions } from './loop/actions.ts';
import { requireRunner } from './loop/answers.ts';
import { freePath } from './loop/ask.ts';
import type { Caller, RuntimeParts } from './parts.ts';
import { tellEntry } from './tell.ts';

type Parts = Pick<
  RuntimeParts,
  'store' | 'journal' | 'streams' | 'clock' | 'logger' | 'hooks' | 'host' | 'providers' | 'redaction' | 'masked' | 'guides' | 'live'
>;

/** A client's own command, as `sh` and `env` bring it. */
export interface ClientCommand extends Partial<PlaceRequest> {
  readonly run: string;
  readonly command?: Command | undefined;
  readonly shell?: Shell | undefined;
  readonly cwd?: string | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly timeout?: number | undefined;
  readonly lifetime?: string | undefined;
  readonly yield_ms?: number | undefined;
  readonly runner?: string | undefined;
  readonly stdin?: boolean | undefined;
  readonly durable?: boolean | undefined;
  /** Channels that a client fills beside those of the place, number to name. */
  readonly channels?: Readonly<Record<string, string>> | undefined;
}

export interface CommandResult {
  readonly run: string;
  readonly path: string;
  readonly status: number;
  readonly channels: ChannelState[];
}

/** Clients' commands go through the same handlers as the model's (SPEC {#client_commands}). */
export class Commands {
  readonly #parts: Parts;
  readonly #actions: Actions;

  constructor(parts: Parts, actions: Actions) {
    this.#parts = parts;
    this.#actions = actions;
  }

  /**
   * Proposes a command, and accepts it in the same call when the verdict allows it; then `yield_ms` is how long the
   * answer waits for its end. Throws unsupported, forbidden for a `cwd` outside the project or a denied command.
   */
  async propose(c: Caller, run: Run, action: 'sh' | 'env', command: ClientCommand): Promise<CommandResult> {
    const { place, what } = asked(command);
    const text = commandText(what);
    const { store, journal, streams, host } = this.#parts;
    const tool = host.tool(action);
    if (!tool) throw new HeadgateError('unsupported', `the plugin "${action}" is not loaded; the server's log says why`, { action });
    const input = {
      command: what,
      ...defined({ shell: command.shell }),
      stdin: command.stdin ?? !watchesPane(place),
      ...place,
      ...defined({
        cwd: command.cwd,
        env: command.env,
        timeout_ms: command.timeout,
        lifetime: command.lifetime,
        yield_ms: command.yield_ms,
      }),
    };
    const scope = { project: c.project, run, mode: 'act' as const, settings: run.settings, by: c.client, signal: c.signal };
    // A reader of the path may not be allowed to see secrets.
    const slug = slugOf(this.#parts.redaction.text(text));
    const wanted = freePath(this.#parts, run.id, run.turn, action, slug);
    const prepared = await this.#actions.prepare(tool, input, run.turn, wanted, scope);
    c.signal.throwIfAborted();
    if (prepared.kind === 'settled')
      throw refusal(prepared.outcome.kind === 'refused' ? prepared.outcome.status : 500, prepared.outcome.body);
    if (prepared.verdict === 'deny') throw new HeadgateError('forbidden', deniedBy(prepared.reason), { command: text, ...prepared.judged });
    const { verdict } = prepared;
    const planned = prepared.proposal.producer;
    const producer = planned && withChannels({ ...planned, runner: command.runner ?? planned.runner }, command.channels);
    const proposal = { ...prepared.proposal, ...(producer ? { producer } : {}) };
    const { entry, now } = journal.commit('durable', (tx) => {
      // Renamed or deleted meanwhile.
      const now = store.runs.byId(run.id);
      if (!now)
        throw new HeadgateError('not_found', `run ${run.alias} was deleted while this was looked at; startRun opens one`, {
          run: run.alias,
        });
      const created = store.entries.create({
        runId: run.id,
        // Another caller may have taken the path while the verdict was asked for.
        path: store.entries.has(run.id, wanted) ? freePath(this.#parts, run.id, run.turn, action, slug) : wanted,
        category: 'logging',
        status: 100,
        attributes: { tool: action, input, summary: proposal.summary, by: c.client, ...defined({ traceparent: c.traceparent }) },
        turn: run.turn,
        writer: c.client,
      });
      tellEntry(tx, now, created);
      if (verdict === 'allow' && producer)
        this.#actions.allow(tx, created, { ...proposal, producer }, run.settings.yolo ? 'yolo' : 'policy');
      else this.#actions.propose(tx, now, created, proposal);
      return { entry: created, now };
    });
    if (verdict === 'allow' && command.yield_ms !== undefined)
      await streams.waitFor(entry.id, { timeoutMs: command.yield_ms, signal: c.signal });
    const after = store.entries.byId(entry.id) ?? entry;
    return { run: now.alias, path: after.path, status: after.status, channels: streams.channelsOf(after) };
  }
}

function deniedBy(reason: string): string {
  return `a rule of this server does not allow this command${reason === '' ? '' : `: ${reason}`}; policy/list shows the rules`;
}

/** The refusal of a tool as the error of a call. */
export function refusal(status: number, message: string): HeadgateError {
  if (status === 403) return new HeadgateError('forbidden', message);
  if (status === 501) return new HeadgateError('unsupported', message);
  return status >= 500 ? new HeadgateError('internal', message) : new HeadgateError('invalid_params', message);
}

/** What is asked for, checked as far as it can be here. */
function asked(command: ClientCommand): { place: PlaceRequest; what: Command } {
  const { backend, tty, container, ssh, tmux, sandbox } = command;
  const place = Object.fromEntries(
    Object.entries({ backend, tty, container, ssh, tmux, sandbox }).filter(([, value]) => value !== undefined),
  );
  // Refused by name here; the tool would only say that it is wrong.
  const checked = placeOf(place);
  const watched = watchTitle(checked);
  const what = command.command ?? watched;
  if (what === undefined) throw new HeadgateError('invalid_params', 'command is missing; say what is to be run', { field: 'command' });
  if (command.shell !== undefined && watched !== undefined)
    throw new HeadgateError('invalid_params', 'nothing is run where something is watched; leave shell out', { field: 'shell' });
  launchOf(what, command.shell);
  if (command.durable === false) {
    throw new HeadgateError('unsupported', 'every command here outlives the server; leave durable out, or set it to true', {
      field: 'durable',
    });
  }
  if (command.lifetime !== undefined && command.runner === 'client') {
    throw new HeadgateError('unsupported', 'a client ends what it runs itself; leave lifetime out, or have the server run the command', {
      field: 'lifetime',
    });
  }
  if (command.runner !== undefined) requireRunner(command.runner);
  return { place, what };
}
