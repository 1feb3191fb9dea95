import { defined } from '../../core/defined.ts';
import { terminal } from '../../model/place.ts';
import type { Backend, BackendCapabilities, BackendHandle, BackendRef, OutputSink, StartRequest } from '../../model/ports/backend.ts';

/** The process backend with a terminal for every command (SPEC {#backend_pty}). Shares all it has with that one. */
export function createPtyBackend(processes: Backend): Backend {
  return new PtyBackend(processes);
}

class PtyBackend implements Backend {
  readonly #processes: Backend;

  constructor(processes: Backend) {
    this.#processes = processes;
  }

  async capabilities(): Promise<BackendCapabilities> {
    const { ttyReason, ...found } = await this.#processes.capabilities();
    const reason = found.reason ?? ttyReason;
    return { ...found, name: 'pty', available: found.available && found.tty, ...defined({ reason }) };
  }

  async start(request: StartRequest, sink: OutputSink): Promise<BackendHandle> {
    return await this.#processes.start(withTerminal(request), sink);
  }

  async adopt(
    request: StartRequest,
    ref: BackendRef | null,
    offsets: ReadonlyMap<number, number>,
    sink: OutputSink,
  ): Promise<BackendHandle> {
    return await this.#processes.adopt(withTerminal(request), ref, offsets, sink);
  }
}

function withTerminal(request: StartRequest): StartRequest {
  const { spec } = request;
  return { ...request, spec: { ...spec, tty: spec.tty ?? terminal.parse({}) } };
}
