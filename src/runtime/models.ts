import { isDeepStrictEqual } from 'node:util';
import { defined } from '../core/defined.ts';
import { HeadgateError } from '../core/errors.ts';
import type { ModelProvider } from '../model/ports/model-provider.ts';
import type { Store } from '../model/ports/store.ts';
import { type Dialect, PROVIDER_KINDS } from '../model/provider-kind.ts';
import type { AddedProvider, ModelRecord, Price } from '../model/records.ts';

/** Always there, so that a client can open a run with no provider configured (SPEC {#models}). */
const SCRIPTED: ModelRecord = { alias: 'scripted', actual: 'default', provider: 'scripted', contextLength: null, dialect: null };
const DEFAULT_PROVIDER = 'openai-compatible';

/** Where providers are kept that clients add. */
export interface ProviderShelf {
  /** By name, without those that the configuration replaces. */
  readonly all: Readonly<Record<string, AddedProvider>>;
  /** Keeps one for the next start too, and makes it. Throws the system error of what keeps it. */
  add(name: string, settings: AddedProvider): ModelProvider;
}

export interface NewModel {
  readonly alias: string;
  readonly actual: string;
  readonly contextLength?: number | undefined;
  readonly provider?: string | undefined;
  /** Left out: as the provider says. */
  readonly dialect?: Dialect | undefined;
  readonly price?: Price | undefined;
  /** Address of the API: a provider of its own is made for it. `provider` then names the API that it speaks. */
  readonly baseUrl?: string | undefined;
  /** Environment variable of the server that holds its key. */
  readonly apiKeyEnv?: string | undefined;
}

/** The models that runs of a project can name. */
export class Models {
  readonly #store: Store;
  readonly #providers: Map<string, ModelProvider>;
  readonly #shelf: ProviderShelf | undefined;
  readonly #prices: Readonly<Record<string, Price>> | undefined;

  constructor(options: {
    store: Store;
    providers: Map<string, ModelProvider>;
    addedProviders?: ProviderShelf | undefined;
    prices?: Readonly<Record<string, Price>> | undefined;
  }) {
    this.#store = options.store;
    this.#prices = options.prices;
    this.#providers = options.providers;
    this.#shelf = options.addedProviders;
  }

  /** The built-in one first. */
  list(projectId: number): ModelRecord[] {
    return [SCRIPTED, ...this.#store.models.list(projectId).map((model) => this.#priced(model))];
  }

  get(projectId: number, alias: string): ModelRecord | undefined {
    if (alias === SCRIPTED.alias) return SCRIPTED;
    const model = this.#store.models.get(projectId, alias);
    return model && this.#priced(model);
  }

  /** A model's own price goes before the one that the configuration has for the provider's name of it. */
  #priced(model: ModelRecord): ModelRecord {
    const prices = this.#prices ?? {};
    const price = model.price ?? (Object.hasOwn(prices, model.actual) ? prices[model.actual] : undefined);
    return price ? { ...model, price } : model;
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

  /** The dialect in which a model is asked: its own, else its provider's (SPEC {#dialect_xml}). */
  dialectOf(model: ModelRecord): Dialect {
    return model.dialect ?? this.#providers.get(model.provider)?.dialect ?? 'native';
  }

  /** What is missing before a model can be asked; undefined when nothing is. */
  problemOf(model: ModelRecord): string | undefined {
    const provider = this.#providers.get(model.provider);
    if (provider) return provider.problem?.();
    const known = [...this.#providers.keys()].join(', ');
    return `Model ${model.alias} names provider "${model.provider}", which this server does not have; it has ${known}.`;
  }

  /** Adds a model; `problem` says what is missing before it can be asked. Throws alias_taken, and invalid_params for a provider that this server does not have. */
  add(projectId: number, model: NewModel): { alias: string; problem?: string } {
    if (model.alias === SCRIPTED.alias) {
      throw new HeadgateError('alias_taken', 'the model "scripted" is built in; take another alias', { alias: model.alias });
    }
    const provider = model.baseUrl === undefined ? (model.provider ?? DEFAULT_PROVIDER) : this.#providerAt(model.baseUrl, model);
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
    const { alias, actual, contextLength = null, dialect = null, price } = model;
    const added = { alias, actual, provider, contextLength, dialect, ...(price ? { price } : {}) };
    this.#store.models.add(projectId, added);
    return { alias, ...defined({ problem: this.problemOf(added) }) };
  }

  /** Name of the provider at an address, which is added where there is none with this key and API. */
  #providerAt(baseUrl: string, { provider = DEFAULT_PROVIDER, apiKeyEnv }: NewModel): string {
    const kind = PROVIDER_KINDS.find((one) => one === provider);
    const shelf = this.#shelf;
    if (kind === undefined || !shelf) {
      throw new HeadgateError('invalid_params', `with baseUrl, provider is the API that it speaks: ${PROVIDER_KINDS.join(', ')}`, {
        field: 'provider',
      });
    }
    const settings = { kind, baseUrl, ...defined({ apiKeyEnv }) };
    const known = Object.entries(shelf.all).find(([, one]) => isDeepStrictEqual(one, settings));
    if (known && this.#providers.has(known[0])) return known[0];
    const { hostname, port } = new URL(baseUrl);
    const base = `${hostname}${port === '' ? '' : `-${port}`}`
      .toLowerCase()
      .replace(/[^a-z0-9_-]+/g, '-')
      .replace(/^[^a-z]+/, 'at-$&')
      .slice(0, 58);
    for (let count = 1; ; count++) {
      const name = count === 1 ? base : `${base}-${count}`;
      if (this.#providers.has(name)) continue;
      this.#providers.set(name, shelf.add(name, settings));
      return name;
    }
  }

  /** Throws not_found, and forbidden for the built-in one. */
  remove(projectId: number, alias: string): void {
    if (alias === SCRIPTED.alias) throw new HeadgateError('forbidden', 'the model "scripted" is built in and stays', { alias });
    if (!this.#store.models.remove(projectId, alias)) this.require(projectId, alias);
  }
}
