import type { Clock } from '../../core/clock.ts';
import { HeadgateError } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { ProducerDefinition } from '../../hooks/producer.ts';
import { channelPath, requireLogPath } from '../../model/paths.ts';
import type { Backend, BackendCapabilities, BackendHandle, BackendRef, OutputSink, StartRequest } from '../../model/ports/backend.ts';
import type { Store } from '../../model/ports/store.ts';
import { parseProducerId } from '../../model/producer-id.ts';
import type { Entry } from '../../model/records.ts';
import { filesOf } from '../project-files.ts';
import { MAX_READ_BYTES } from '../readers.ts';
import { channelNames } from './definition.ts';
import { endedRun } from './ended-run.ts';
import { KindRun } from './kind-run.ts';
import { Output } from './output.ts';

/** What producers of plugins need of the server. */
export interface KindParts {
  readonly store: Pick<Store, 'entries' | 'runs' | 'projects' | 'channels' | 'fileConstraints'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Folder of the server's own database and token. */
  readonly dataFolder?: string | undefined;
}

/** One kind of a plugin behind the port of all backends: what is accepted is run in this process (SPEC {#plugin_producers}). */
export class KindBackend implements Backend {
  readonly plugin: string;
  readonly definition: ProducerDefinition;
  readonly #parts: KindParts;

  constructor(parts: KindParts, plugin: string, definition: ProducerDefinition) {
    this.#parts = parts;
    this.plugin = plugin;
    this.definition = definition;
  }

  async capabilities(): Promise<BackendCapabilities> {
    const { kind, input = false, resumable = false } = this.definition;
    const channels = Object.entries(channelNames(this.definition)).map(([number, name]) => `${number} ${name}`);
    const detail = `plugin "${this.plugin}", in the server: ${channels.join(', ')}`;
    return { name: kind, available: true, stdin: input, tty: false, signals: [], adopt: resumable, detail };
  }

  async start(request: StartRequest, sink: OutputSink): Promise<BackendHandle> {
    request.cancelled?.throwIfAborted();
    return this.#run(request, sink, false);
  }

  /** Starts a resumable one again; how far another one came is not known, and it must not run twice. */
  async adopt(
    request: StartRequest,
    ref: BackendRef | null,
    _offsets: ReadonlyMap<number, number>,
    sink: OutputSink,
  ): Promise<BackendHandle> {
    const { kind, resumable } = this.definition;
    if (resumable && request.cancelled?.aborted !== true) return this.#run(request, sink, true);
    const message = `the server was restarted while "${kind}" ran in it, and it cannot be taken up where it was; what it had written is here, ask for it again if it is still wanted`;
    return endedRun(ref ?? { kind }, message);
  }

  #run(request: StartRequest, sink: OutputSink, resumed: boolean): BackendHandle {
    const { store, clock, logger } = this.#parts;
    const entryId = parseProducerId(request.producerId)?.entryId;
    const entry = entryId === undefined ? undefined : store.entries.byId(entryId);
    const run = entry && store.runs.byId(entry.runId);
    const project = run && store.projects.byId(run.projectId);
    if (!entry || !project) throw new HeadgateError('not_found', 'the run of this producer has been deleted');
    const channels = this.#channels(entry);
    const offsets = new Map([...channels].map(([number, channel]) => [number, store.channels.head(channel.id).bytes]));
    const files = filesOf(this.#parts, project);
    return new KindRun({
      plugin: this.plugin,
      definition: this.definition,
      input: request.spec.input ?? {},
      output: new Output(sink, offsets),
      scope: {
        read: (channel, from, maxBytes) => {
          const found = channels.get(channel);
          return found ? store.channels.read(found.id, from, Math.min(maxBytes, MAX_READ_BYTES)) : Buffer.alloc(0);
        },
        offsets: Object.fromEntries(offsets),
        resumed,
        project,
        hidden: (path) => files.hidden(`file://${path}`),
        run: run.alias,
        path: entry.path,
        logger,
      },
      begun: request.begun ?? Promise.resolve(),
      clock,
      logger,
    });
  }

  #channels(entry: Entry): Map<number, Entry> {
    const numbers = entry.attributes['channels'];
    const found = new Map<number, Entry>();
    for (const number of Array.isArray(numbers) ? numbers.map(Number) : []) {
      const channel = this.#parts.store.entries.get(entry.runId, channelPath(requireLogPath(entry.path), number));
      if (channel) found.set(number, channel);
    }
    return found;
  }
}
