import type { IncomingMessage } from 'node:http';
import { defined } from '../../../core/defined.ts';
import { HeadgateError, isHeadgateError } from '../../../core/errors.ts';
import { given } from '../../../core/given.ts';
import type { Project, Run } from '../../../model/records.ts';
import type { Sight } from '../../../model/sight.ts';
import type { ProducerView } from '../../../stream/index.ts';
import { TTY_RUN, type TtyAttach, type TtyOpen } from '../../protocol/tty.ts';
import type { Grant } from '../access.ts';
import type { ServerParts } from '../parts.ts';
import { Projects } from '../projects.ts';
import type { Caller } from '../runtime-port.ts';
import { ttyProject } from './tty-place.ts';

/** A producer that a session carries. */
export interface TtyTarget {
  readonly project: Project;
  /** The runs of the project that the client may see. */
  readonly sight: Sight;
  readonly runId: number;
  /** The run's alias. */
  readonly run: string;
  /** Path of the log entry. */
  readonly path: string;
  readonly view: ProducerView;
}

export interface OpenOptions {
  readonly parts: ServerParts;
  /** The upgrade of the connection. */
  readonly request: IncomingMessage;
  readonly grant: Grant;
  /** Aborted when the connection ends. */
  readonly signal: AbortSignal;
}

/** What runs in a terminal without a `command`: the user's shell, or else `sh`, which every host has. */
// eslint-disable-next-line no-template-curly-in-string -- an expansion of the shell
const SHELL = 'exec "${SHELL:-/bin/sh}"';

/**
 * Begins a session, or finds the one that is there (SPEC {#tty_open}). A command is proposed as one of `sh` is and
 * accepted by the caller who opens it. Throws what `sh` and `run/resolve` throw.
 */
export async function openTarget(first: TtyOpen | TtyAttach, o: OpenOptions): Promise<TtyTarget> {
  const { parts } = o;
  const named = 'attach' in first ? (first.run ?? TTY_RUN) : first.run;
  const projects = new Projects(parts.store.projects, o.grant);
  const project = ttyProject(projects, o.request, {
    project: first.project,
    projectRoot: first.projectRoot,
    run: named,
  });
  const caller: Caller = { project, sight: projects.sight(project), client: first.client?.name ?? 'tty', signal: o.signal };
  if ('attach' in first) return target(parts, caller, parts.runtime.requireRun(caller.sight, named ?? TTY_RUN), first.attach);
  const run = runOf(parts, caller, first.run ?? TTY_RUN);
  return target(parts, caller, run, await begin(parts, caller, run, first));
}

function target(parts: ServerParts, { project, sight }: Caller, run: Run, path: string): TtyTarget {
  return { project, sight, runId: run.id, run: run.alias, path, view: parts.streams.view(run.id, path) };
}

function runOf(parts: ServerParts, caller: Caller, alias: string): Run {
  try {
    return parts.runtime.requireRun(caller.sight, alias);
  } catch (error) {
    if (!isHeadgateError(error, 'not_found')) throw error;
    return parts.runtime.startRun(caller, { model: 'scripted', alias });
  }
}

/** Proposes the command and accepts it; the path of its log entry. */
async function begin(parts: ServerParts, caller: Caller, run: Run, first: TtyOpen): Promise<string> {
  if (first.runner === 'client') {
    throw new HeadgateError('unsupported', 'a session runs on the server or a registered runner; leave runner out, or name one', {
      field: 'runner',
    });
  }
  const { runtime } = parts;
  const { path, status } = await runtime.command(caller, 'sh', given(shParams(run.alias, first)));
  if (status !== 202) return path;
  const answer = (action: 'accept' | 'reject') => runtime.resolve(caller, run.alias, { path, action });
  try {
    answer(caller.signal.aborted ? 'reject' : 'accept');
  } catch (error) {
    // Another client was faster. If it rejected the proposal, looking for the session fails.
    if (!isHeadgateError(error, 'proposal_resolved')) throw error;
  }
  return path;
}

function shParams(run: string, first: TtyOpen): Parameters<ServerParts['runtime']['command']>[2] {
  const { cmd, shell, tty, backend, container, ssh, tmux, sandbox, runner, cwd, env, stdin, lifetime } = first;
  const terminal = tty === null ? false : tty;
  const watches = container?.watch !== undefined || tmux?.pane !== undefined;
  const inTerminal = terminal ? true : terminal === undefined && backend === 'pty';
  const params = {
    run,
    command: cmd ?? (inTerminal && !watches ? SHELL : undefined),
    shell,
    ...defined({ tty: terminal }),
    backend,
    container,
    ssh,
    tmux,
    sandbox,
    runner,
    cwd,
    env,
    stdin,
    lifetime,
  };
  return Object.fromEntries(Object.entries(params).filter(([, value]) => value !== undefined)) as { run: string };
}
