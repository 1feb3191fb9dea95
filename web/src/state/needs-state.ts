import { messageOf } from '../../../src/core/errors.ts';
import { type Need, needsOf, type Runtime } from '../../../src/rpc/client/index.ts';
import { connect, type Project } from '../access/connect.ts';
import { post } from '../access/post.ts';
import { Observable } from './observable.ts';

/** Between two looks at all projects while the page is visible, milliseconds. */
const LOOK_MS = 5000;
/** Runs of a project that are looked at, newest first. */
const RUNS = 100;

/** A need, and the root folder of its project. */
export type PlacedNeed = Need & { readonly root: string };

/** What needs somebody in all projects of the server, looked at again and again while it is shown (SPEC {#needs_you}). */
export class NeedsState extends Observable {
  readonly #token: string;
  /** A connection to each project, by its folder. */
  readonly #bound = new Map<string, Promise<Runtime>>();
  #needs: readonly PlacedNeed[] = [];
  #problem: string | undefined;
  #loaded = false;
  #timer: ReturnType<typeof setInterval> | undefined;
  #looking = false;

  constructor(token: string) {
    super();
    this.#token = token;
  }

  /** Oldest first. */
  get needs(): readonly PlacedNeed[] {
    return this.#needs;
  }

  /** True once everything has been looked at. */
  get loaded(): boolean {
    return this.#loaded;
  }

  /** Why the last look failed. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Begins to look; `stop` ends it. */
  start(): void {
    this.#timer ??= setInterval(() => {
      if (document.visibilityState === 'visible') void this.look();
    }, LOOK_MS);
    void this.look();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    for (const bound of this.#bound.values()) void bound.then((runtime) => runtime.close()).catch(() => {});
    this.#bound.clear();
  }

  /** Answers a proposal; another client's answer, if that came first, is shown by the next look. */
  async answer({ root, run, path = '' }: PlacedNeed, action: 'accept' | 'reject'): Promise<void> {
    try {
      await (await this.#bound.get(root))?.call('run/resolve', { run, resolution: { path, action } });
      this.#problem = undefined;
    } catch (error) {
      this.#problem = messageOf(error);
    }
    await this.look();
  }

  async look(): Promise<void> {
    if (this.#looking || this.#timer === undefined) return;
    this.#looking = true;
    try {
      const projects = await post(this.#token, 'getProjects', {});
      const now = Date.now();
      const parts = await Promise.all(projects.map((project) => this.#of(project, now)));
      this.#needs = parts.flat().sort((a, b) => a.since - b.since);
      this.#loaded = true;
    } catch (error) {
      this.#problem = messageOf(error);
    }
    this.#looking = false;
    this.changed();
  }

  /** Of one project; nothing of one whose folder is gone. */
  async #of({ name, projectRoot: root }: Project, now: number): Promise<PlacedNeed[]> {
    try {
      const bound = this.#bound.get(root) ?? connect(this.#token, { name, projectRoot: root });
      this.#bound.set(root, bound);
      const runtime = await bound;
      // The page was left meanwhile.
      if (this.#timer === undefined) void runtime.close();
      const [proposals, commands, runs] = await Promise.all([
        runtime.look('getProposals', {}),
        runtime.look('stream/list', { state: 'open' }),
        runtime.look('getRuns', { limit: RUNS }),
      ]);
      return needsOf(name, { proposals, commands, runs }, now).map((need) => ({ ...need, root }));
    } catch {
      this.#bound.delete(root);
      return [];
    }
  }
}
