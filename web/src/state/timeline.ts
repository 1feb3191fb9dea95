import type { ResultOf } from '../../../src/rpc/protocol/table.ts';

export type Entry = ResultOf<'getEntries'>[number];

/** One thing that happened in a run, as it is shown. */
export interface Item {
  readonly path: string;
  readonly kind: ItemKind;
  readonly turn: number;
  /** Missing until it has been read. */
  readonly entry?: Entry;
}

export type ItemKind = 'prompt' | 'said' | 'trouble' | 'action';

const UPDATE = /^log:\/\/[^/]+\/update\//;

/** What kind of item an entry of that path is; undefined for those that a timeline does not show. */
export function kindOf(path: string): ItemKind | undefined {
  if (/^prompt:\/\/[^/]+\/(user$|message_)/.test(path)) return 'prompt';
  if (!path.startsWith('log://')) return undefined;
  if (path.endsWith('/model/text')) return 'said';
  return /^log:\/\/[^/]+\/(model|loop)\//.test(path) ? 'trouble' : 'action';
}

/** True for an entry that is shown with its body, which a listing leaves out, without being opened: of actions what the model tells people. */
export function needsBody(path: string): boolean {
  const kind = kindOf(path);
  return kind === 'action' ? UPDATE.test(path) : kind !== undefined;
}

/** True when a body was left out that an entry has. */
export function lacksBody({ body, bytes }: Entry): boolean {
  return body === '' && bytes > 0;
}

function turnOf(path: string): number {
  return Number(/^log:\/\/turn_(\d+)\//.exec(path)?.[1] ?? 0);
}

/** The items of a run in the order in which they were made. A path is there once, however often it is told of. */
export class Timeline {
  readonly #items = new Map<string, Item>();
  #order: string[] = [];

  /** Those that have been read. */
  get items(): readonly Item[] {
    return this.#order.flatMap((path) => this.#items.get(path) ?? []).filter(({ entry }) => entry !== undefined);
  }

  /** True for one that has its place. */
  has(path: string): boolean {
    return this.#items.has(path);
  }

  /** Keeps the place of a new entry, the last one, that was told of and has not been read. False for one that is not shown. */
  expect(path: string): boolean {
    const kind = kindOf(path);
    if (kind === undefined) return false;
    if (!this.#items.has(path)) {
      this.#items.set(path, { path, kind, turn: turnOf(path) });
      this.#order.push(path);
    }
    return true;
  }

  /** Takes the page of a listing whose end is where begins what is there. */
  readBefore(page: readonly Entry[]): void {
    const earlier = page.filter(({ path }) => kindOf(path) !== undefined && !this.#items.has(path));
    this.#order = [...earlier.map(({ path }) => path), ...this.#order];
    for (const entry of page) this.#put(entry);
  }

  /** Takes an entry that has its place, as it was read; an older version than the one that is there changes nothing. */
  read(entry: Entry): boolean {
    const known = this.#items.get(entry.path);
    if (!known || (known.entry && known.entry.version > entry.version)) return false;
    this.#put(entry);
    return true;
  }

  /** An entry is gone. */
  remove(path: string): void {
    const item = this.#items.get(path);
    if (item) this.#items.set(path, { path, kind: item.kind, turn: item.turn });
  }

  #put(entry: Entry): void {
    const { path, turn } = entry;
    const kind = kindOf(path);
    if (kind === undefined) return;
    const known = this.#items.get(path)?.entry;
    const kept = known && lacksBody(entry) ? { body: known.body, ...(known.truncated ? { truncated: known.truncated } : {}) } : {};
    this.#items.set(path, { path, kind, turn, entry: { ...entry, ...kept } });
  }
}
