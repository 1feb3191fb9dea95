/** A piece of what a model says in a turn. */
export interface Said {
  readonly projectId: number;
  readonly run: string;
  readonly turn: number;
  /** `madeWith` of the run. */
  readonly madeWith: string | null;
  /** Bytes of the turn's text before this piece; 0 begins it again. */
  readonly offset: number;
  readonly text: string;
  /** The turn says nothing more; the text may be empty. */
  readonly ended?: true;
}
