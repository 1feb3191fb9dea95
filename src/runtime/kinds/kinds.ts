import { HeadgateError } from '../../core/errors.ts';
import type { ProducerDefinition } from '../../hooks/producer.ts';
import type { Backend } from '../../model/ports/backend.ts';
import { checkDefinition } from './definition.ts';
import { endedRun } from './ended-run.ts';
import { KindBackend, type KindParts } from './kind-backend.ts';

/**
 * The kinds of producers that plugins brought, as the backends of the runner `server`. A kind that is gone, with its plugin, still
 * answers: what it had is lost, and says so (SPEC {#plugin_producers}).
 */
export class Kinds extends Map<string, Backend> {
  readonly #parts: KindParts;

  constructor(parts: KindParts) {
    super();
    this.#parts = parts;
  }

  /** Throws with what is wrong with the definition, and for a kind that is there. Returns how to take it back. */
  register(plugin: string, definition: ProducerDefinition): () => void {
    checkDefinition(definition);
    const known = this.find(definition.kind);
    if (known) throw new Error(`producer kind "${definition.kind}" is there already, from plugin "${known.plugin}"`);
    this.set(definition.kind, new KindBackend(this.#parts, plugin, definition));
    return () => void this.delete(definition.kind);
  }

  /** The kind of that name, while its plugin is there. */
  find(kind: string): KindBackend | undefined {
    const found = super.get(kind);
    return found instanceof KindBackend ? found : undefined;
  }

  override get(kind: string): Backend {
    return super.get(kind) ?? gone(kind);
  }
}

function gone(kind: string): Backend {
  const message = `no plugin of this server has the producer "${kind}"; load the plugin that had it, and ask for it again`;
  return {
    capabilities: async () => ({ name: kind, available: false, reason: message, stdin: false, tty: false, signals: [], adopt: false }),
    start: () => Promise.reject(new HeadgateError('unsupported', message, { outcome: 'unsupported' })),
    adopt: async (_request, ref) => endedRun(ref ?? { kind }, message),
  };
}
