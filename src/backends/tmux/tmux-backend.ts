import { realpathSync } from 'node:fs';
import { constants } from 'node:os';
import { defined } from '../../core/defined.ts';
import { HeadgateError, messageOf } from '../../core/errors.ts';
import type { Backend, BackendCapabilities, BackendHandle, BackendRef, OutputSink, StartRequest } from '../../model/ports/backend.ts';
import type { ProducerSpec } from '../../model/records.ts';
import { createProcessBackend, OWN_SECRETS, type ProcessBackendOptions } from '../process/process-backend.ts';
import { ProducerFolder } from '../shim/producer-folder.ts';
import { checkTmux, launchInWindow, launchWatch } from './launch-pane.ts';
import { PaneFolder } from './pane-folder.ts';
import type { RemoteTmux } from './remote-tmux.ts';
import { localShell, type Shell } from './shell.ts';
import { Tmux } from './tmux.ts';
import { TmuxHandle } from './tmux-handle.ts';

/**
 * Commands in windows of tmux, and watches of panes that are there (SPEC {#backend_tmux}). tmux itself writes the output into
 * the producer folder, which is served like that of any process of this host; with `ssh` by `remote`.
 */
export function createTmuxBackend(options: ProcessBackendOptions, shell?: Shell, remote?: RemoteTmux): Backend {
  return new TmuxBackend(options, remote, shell ?? localShell([...OWN_SECRETS, ...(options.withheld ?? [])]));
}

class TmuxBackend implements Backend {
  readonly #options: ProcessBackendOptions;
  readonly #tmux: Tmux;
  readonly #inner: Backend;
  readonly #remote: RemoteTmux | undefined;

  constructor(options: ProcessBackendOptions, remote: RemoteTmux | undefined, shell: Shell) {
    this.#options = options;
    this.#remote = remote;
    this.#tmux = new Tmux(shell);
    this.#inner = createProcessBackend(options, {
      check: checkTmux,
      launch: (launch) => {
        const target = launch.spec.tmux?.pane;
        return target === undefined ? launchInWindow(this.#tmux, launch) : launchWatch(this.#tmux, launch, target);
      },
      handle: (folder, spec) => {
        if (isWatch(spec)) return { tty: false };
        const pane = new PaneFolder(folder);
        return {
          tty: false,
          endMark: pane.endMark(),
          brakeReach: (tree) => pane.brakeReach(tree),
          carried: () => pane.carried(options.clock),
        };
      },
    });
  }

  async capabilities(): Promise<BackendCapabilities> {
    const { available, reason = await this.#whyNot() } = await this.#inner.capabilities();
    return {
      name: 'tmux',
      available: available && reason === undefined,
      ...defined({ reason }),
      stdin: true,
      tty: true,
      signals: Object.keys(constants.signals),
      adopt: true,
    };
  }

  async start(request: StartRequest, sink: OutputSink): Promise<BackendHandle> {
    const { ssh } = request.spec;
    if (ssh) return await this.#there().start(request, ssh, sink);
    return this.#handle(request, await this.#inner.start(request, sink));
  }

  async adopt(
    request: StartRequest,
    ref: BackendRef | null,
    offsets: ReadonlyMap<number, number>,
    sink: OutputSink,
  ): Promise<BackendHandle> {
    const { ssh } = request.spec;
    if (ssh) return this.#there().adopt(request, ssh, ref, offsets, sink);
    return this.#handle(request, await this.#inner.adopt(request, ref, offsets, sink));
  }

  #handle({ producerId, spec }: StartRequest, inner: BackendHandle): BackendHandle {
    const folder = new ProducerFolder(realpathSync(this.#options.folder), producerId);
    const { clock } = this.#options;
    const pane = new PaneFolder(folder);
    return new TmuxHandle({ inner, tmux: this.#tmux, folder, pane, stdin: spec.stdin, watches: isWatch(spec), clock });
  }

  #there(): RemoteTmux {
    if (this.#remote) return this.#remote;
    throw new HeadgateError('unsupported', 'there is no way to other hosts here; leave ssh out', { outcome: 'unsupported' });
  }

  async #whyNot(): Promise<string | undefined> {
    try {
      await this.#tmux.program();
      return undefined;
    } catch (error) {
      return messageOf(error);
    }
  }
}

function isWatch({ tmux }: ProducerSpec): boolean {
  return tmux?.pane !== undefined;
}
