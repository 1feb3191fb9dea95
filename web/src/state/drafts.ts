/** What the user is writing to a run. */
export interface Draft {
  text: string;
  mode: 'act' | 'ask';
  /** The model that was chosen; undefined: that of the run. */
  model: string | undefined;
  /** True while it is being sent. */
  busy: boolean;
  /** Why it was not sent. */
  problem: string | undefined;
}

/** What is being written to each run, and for a new one; it stays while other runs are looked at. */
export class Drafts {
  readonly #drafts = new Map<string | undefined, Draft>();

  /** The draft for a run, or for a new one. */
  of(run: string | undefined): Draft {
    const known = this.#drafts.get(run);
    if (known) return known;
    const draft: Draft = { text: '', mode: 'act', model: undefined, busy: false, problem: undefined };
    this.#drafts.set(run, draft);
    return draft;
  }

  /** The run has another name. */
  renamed(from: string, to: string): void {
    const draft = this.#drafts.get(from);
    this.#drafts.delete(from);
    if (draft) this.#drafts.set(to, draft);
  }
}
