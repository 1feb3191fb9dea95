import { HeadgateError } from '../core/errors.ts';
import type { ModelProvider } from '../model/ports/model-provider.ts';
import type { Store } from '../model/ports/store.ts';
import type { ModelRecord } from '../model/records.ts';

/** Always there, so that a client can open a run with no provider configured (SPEC {#models}). */
const SCRIPTED: ModelRecord = { alias: 'scripted', actual: 'default', provider: 'scripted', contextLength: null };
const DEFAULT_PROVIDER = 'openai-compatible';

export interface NewModel {
  readonly alias: string;
  readonly actual: string;
  readonly contextLength?: number | undefined;
  readonly provider?: string | undefined;
}

/** The models that runs of a project can name. */
export class Models {
  readonly #store: Store;
  readonly #providers: ReadonlyMap<string, ModelProvider>;

  constructor(options: { store: Store; providers: ReadonlyMap<string, ModelProvider> }) {
    this.#store = options.store;
    this.#providers = options.providers;
  }

  /** The built-in one first. */
  list(projectId: number): ModelRecord[] {
    return [SCRIPTED, ...this.#store.models.list(projectId)];
  }

  get(projectId: number, alias: string): ModelRecord | undefined {
    return alias === SCRIPTED.alias ? SCRIPTED : this.#store.models.get(projectId, alias);
  }

  /** Throws `not_found` that names the models there are. */
  require(projectId: number, alias: string): ModelRecord {
    const model = this.get(projectId, alias);
    if (model) return model;
    const known = this.list(projectId).map((one) => one.alias);
    throw new HeadgateError('not_found', `no model "${alias}"; there are ${known.join(', ')}, and addModel adds one`, {
      model: alias,
      known,
    });
  }

  /** Throws alias_taken, and invalid_params for a provider that this server does not have. */
  add(projectId: number, model: NewModel): { alias: string } {
    if (model.alias === SCRIPTED.alias) {
      throw new HeadgateError('alias_taken', 'the model "scripted" is built in; take another alias', { alias: model.alias });
    }
    const provider = model.provider ?? DEFAULT_PROVIDER;
    if (!this.#providers.has(provider)) {
      const known = [...this.#providers.keys()];
      throw new HeadgateError(
        'invalid_params',
        `no provider "${provider}"; this server has ${known.join(', ')}, its configuration file adds others`,
        {
          field: 'provider',
          known,
        },
      );
    }
    this.#store.models.add(projectId, { alias: model.alias, actual: model.actual, provider, contextLength: model.contextLength ?? null });
    return { alias: model.alias };
  }

  /** Throws not_found, and forbidden for the built-in one. */
  remove(projectId: number, alias: string): void {
    if (alias === SCRIPTED.alias) throw new HeadgateError('forbidden', 'the model "scripted" is built in and stays', { alias });
    if (!this.#store.models.remove(projectId, alias)) this.require(projectId, alias);
  }
}
