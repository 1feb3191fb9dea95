/**
 * The runs that a caller may see: all of a project, or those of it that were made with one token. Every look-up of a run by its
 * alias, every listing and every event passes one of these, so no caller can forget whose runs are meant (SPEC {#own_runs}).
 */
export interface Sight {
  readonly projectId: number;
  /** SHA-256 of the token, in hex; null: every run. */
  readonly madeWith: string | null;
}

/** What belongs to a run, or to a project alone when `madeWith` is null and so is the run. */
interface Made {
  readonly projectId: number;
  /** Token that the run was made with, if it is bound to its own runs. */
  readonly madeWith: string | null;
}

/** Every run of a project: what the server itself, and a caller that is not bound to its own runs, sees. */
export function everyRun(projectId: number): Sight {
  return { projectId, madeWith: null };
}

/** Whether that is within `sight`. */
export function sees(sight: Sight, { projectId, madeWith }: Made): boolean {
  return sight.projectId === projectId && (sight.madeWith === null || sight.madeWith === madeWith);
}
