import { createHash } from 'node:crypto';
import { HeadgateError } from '../../core/errors.ts';
import type { SshPlace } from '../../model/place.ts';
import type { BackendHandle, BackendRef, OutputSink, StartRequest } from '../../model/ports/backend.ts';
import type { ProducerSpec } from '../../model/records.ts';
import { RemoteProducers, type RemoteProducersOptions } from '../remote/remote-producers.ts';
import type { ShellHost } from '../remote/shell-host.ts';
import type { RemoteVariant } from '../remote/variant.ts';
import { checkTmux, DEFAULT_SESSION, windowName } from './launch-pane.ts';
import { LAUNCHER_SH } from './launcher-sh.ts';
import { endMarkOf, launchLines, markTextOf } from './pane-folder.ts';
import { PANE_INPUT_SH } from './pane-input-sh.ts';
import { PANE_SH } from './pane-sh.ts';
import { PIPE_SH } from './pipe-sh.ts';
import { RemotePane } from './remote-pane.ts';
import { serverOf, tmuxMissing, tmuxRefused, tmuxTooOld } from './tmux.ts';
import { WATCH_SH } from './watch-sh.ts';

export interface RemoteTmuxOptions extends RemoteProducersOptions {
  /** The host that a place means. */
  readonly hostOf: (place: SshPlace) => ShellHost;
}

/** Commands in windows of tmux on other hosts, and watches of panes there (SPEC {#backend_tmux}). */
export class RemoteTmux {
  readonly #options: RemoteTmuxOptions;
  readonly #producers: RemoteProducers;

  constructor(options: RemoteTmuxOptions) {
    this.#options = options;
    this.#producers = new RemoteProducers(options);
  }

  /** Throws as the backends of both do: what is wrong with the host, and what is wrong with tmux there. */
  async start(request: StartRequest, ssh: SshPlace, sink: OutputSink): Promise<BackendHandle> {
    checkTmux(request.spec);
    const host = this.#options.hostOf(ssh);
    const inner = await this.#producers.start(host, plain(request), {}, sink, this.#variant(request));
    return this.#handle(host, request, inner);
  }

  adopt(
    request: StartRequest,
    ssh: SshPlace,
    ref: BackendRef | null,
    offsets: ReadonlyMap<number, number>,
    sink: OutputSink,
  ): BackendHandle {
    const host = this.#options.hostOf(ssh);
    return this.#handle(host, request, this.#producers.adopt(host, plain(request), ref ?? {}, offsets, sink, this.#variant(request)));
  }

  #handle(host: ShellHost, { producerId, spec }: StartRequest, inner: BackendHandle): BackendHandle {
    const { root = '', runner, clock, logger } = this.#options;
    const place = { root, runner: runner(), producerId };
    return new RemotePane({ inner, host, place, watches: spec.tmux?.pane !== undefined, clock, logger });
  }

  #variant({ producerId, spec }: StartRequest): RemoteVariant {
    const watches = spec.tmux?.pane !== undefined;
    // The command could work it out, and cannot write it by accident.
    const mark = markTextOf(createHash('sha256').update(`${this.#options.runner()}/${producerId}`).digest('hex'));
    return {
      launcher: LAUNCHER_SH,
      variables: launcherVariables(spec, watches ? '' : launchLines(spec, spec.env, mark), watches),
      inputText: PANE_INPUT_SH,
      ...(watches ? {} : { endMark: endMarkOf(mark) }),
      refusal: (host, words) => refusal(host, spec, words),
    };
  }
}

/** Longest text of one variable, code points: Linux takes no longer one than 128 KiB. */
const PART = /[\s\S]{1,30000}/gu;

function launcherVariables(spec: ProducerSpec, launch: string, watches: boolean): Record<string, string> {
  const { tmux = {}, tty: { cols = 80, rows = 24 } = {}, command } = spec;
  const [flag, socket] = serverOf(tmux);
  const parts = launch.match(PART) ?? [];
  const { history } = tmux;
  const named = {
    FLAG: flag,
    SOCKET: socket,
    SESSION: tmux.session ?? DEFAULT_SESSION,
    NAME: windowName(command),
    COLS: String(cols),
    ROWS: String(rows),
    TARGET: tmux.pane ?? '',
    FROM: history === undefined ? '-' : history === 0 ? '0' : `-${history}`,
    SHIM: watches ? WATCH_SH : PANE_SH,
    PIPE: PIPE_SH,
    PARTS: String(parts.length),
  };
  const variables = { ...named, ...Object.fromEntries(parts.map((part, index) => [`PART_${index + 1}`, part])) };
  return Object.fromEntries(Object.entries(variables).map(([name, value]) => [`HEADGATE_LAUNCH_${name}`, value]));
}

/** Size and type of the terminal are tmux's here. */
function plain(request: StartRequest): StartRequest {
  const { tty: _tty, ...spec } = request.spec;
  return { ...request, spec };
}

function refusal({ name }: ShellHost, { tmux }: ProducerSpec, [word, ...rest]: readonly string[]): HeadgateError | undefined {
  const said = rest.join(' ');
  switch (word) {
    case 'no_tmux':
      return tmuxMissing(name);
    case 'tmux_old':
      return tmuxTooOld(said, name);
    case 'tmux_said':
      return tmuxRefused(said, name);
    case 'pane_piped':
      return new HeadgateError(
        'conflict',
        `the output of the tmux pane ${tmux?.pane} on ${name} goes to a pipe already, and tmux has one a pane; end that first (tmux pipe-pane -t ${tmux?.pane})`,
        { outcome: 'pane_piped', pane: tmux?.pane, host: name },
      );
    default:
      return undefined;
  }
}
