import { defined } from '../core/defined.ts';
import { HeadgateError } from '../core/errors.ts';
import { slices } from '../core/slice-turns.ts';
import type { AgentFacts } from '../model/agent-state.ts';
import type { Shell } from '../model/launch.ts';
import type { Run, RunSettings } from '../model/records.ts';
import { everyRun, type Sight } from '../model/sight.ts';
import { LIVE_STATES } from '../model/status.ts';
import { deleteRun } from './delete-run.ts';
import type { Models } from './models.ts';
import type { Caller, RuntimeParts } from './parts.ts';
import { proposalFacts, tellRenamed, tellRun } from './tell.ts';
import { type RunUsage, runUsage } from './usage.ts';

type Parts = Pick<RuntimeParts, 'store' | 'journal' | 'streams' | 'hooks'>;

/** What a run, or one ask or act, may be told to do; as the methods' params bring it. */
export interface SettingsParams {
  readonly temperature?: number | undefined;
  readonly persona?: string | undefined;
  readonly contextLimit?: number | undefined;
  readonly shell?: Shell | undefined;
  readonly title?: string | undefined;
  readonly yolo?: boolean | undefined;
  readonly noRepo?: boolean | undefined;
  readonly noInteraction?: boolean | undefined;
  readonly noWeb?: boolean | undefined;
  readonly noProposals?: boolean | undefined;
  readonly lifetime?: string | undefined;
  readonly agent?: string | undefined;
}

/** Characters of a title that is made of a prompt. */
const TITLE_CHARS = 80;

/** Proposals that are read at once: what they show may be long. */
const PROPOSALS = 50;

const SETTINGS = [
  'temperature',
  'persona',
  'contextLimit',
  'shell',
  'title',
  'yolo',
  'noRepo',
  'noInteraction',
  'noWeb',
  'noProposals',
  'lifetime',
  'agent',
] as const;

/** The settings among params, without what is not given. */
export function settingsOf(params: SettingsParams): RunSettings {
  return Object.fromEntries(SETTINGS.flatMap((key) => (params[key] === undefined ? [] : [[key, params[key]]]))) as RunSettings;
}

export interface ProposalView {
  readonly run: string;
  readonly path: string;
  readonly action: string;
  readonly command?: string;
  readonly summary: string;
  readonly attributes: Record<string, unknown>;
  readonly turn: number;
  readonly status: 202;
  readonly createdAt: number;
}

export interface RunRow {
  readonly run: string;
  /** Null before its first prompt. */
  readonly title: string | null;
  readonly status: number;
  readonly outcome: string | null;
  readonly model: string;
  /** Name of the agent that drives it (SPEC {#agents}). */
  readonly agent?: string;
  readonly turn: number;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface RunInfo extends RunRow, RunUsage, Omit<AgentFacts, 'title'> {
  readonly loops: { loop: number; mode: 'ask' | 'act'; prompt: string; status: number; outcome: string | null; result: string | null }[];
  readonly proposals: string[];
  readonly producers: string[];
  /** Live producers that wait for input. */
  readonly waiting: string[];
  /** Producers that have ended and of which something runs on. */
  readonly leftovers: string[];
}

/** Runs as records: opened, renamed, configured, looked at, deleted (SPEC {#runs}). */
export class Runs {
  readonly #parts: Parts;
  readonly #models: Models;
  /** Next number for a made-up alias, by project and model. */
  readonly #numbers = new Map<string, number>();

  constructor(parts: Parts, models: Models) {
    this.#parts = parts;
    this.#models = models;
  }

  /** Throws not_found with what to do. */
  require(sight: Sight, alias: string): Run {
    const run = this.#parts.store.runs.byAlias(sight, alias);
    if (run) return run;
    throw new HeadgateError('not_found', `no run "${alias}" in this project; getRuns lists them, startRun opens one`, { run: alias });
  }

  /** Opens a run; without an alias `<model>-<n>`, or `<agent>-<n>`. Throws not_found for the model, alias_taken. */
  start({ projectId, madeWith }: Sight, o: { model: string; alias?: string | undefined; settings: RunSettings }): Run {
    const { store, journal, hooks } = this.#parts;
    this.#models.require(projectId, o.model);
    return journal.commit('durable', (tx) => {
      const alias = o.alias ?? this.#freeAlias(projectId, o.settings.agent ?? o.model);
      const run = store.runs.create({ projectId, alias, parentId: null, model: o.model, settings: o.settings, madeWith });
      tellRun(tx, run);
      tx.after(() => hooks.emit('run.created', { projectId, run: alias, model: o.model }));
      return run;
    });
  }

  /** Gives a run another alias. Throws alias_taken, and conflict while something of it runs. */
  rename(c: Caller, alias: string, name: string): Run {
    const { store, journal } = this.#parts;
    const run = this.require(c.sight, alias);
    this.#requireIdle(run, 'renamed');
    return journal.commit('durable', (tx) => {
      store.runs.configure(run.id, { alias: name });
      const renamed = this.require(c.sight, name);
      tellRenamed(tx, renamed, alias);
      return renamed;
    });
  }

  /** Changes settings of later turns; returns all of them. */
  configure(c: Caller, alias: string, params: SettingsParams & { model?: string | undefined }): Run {
    const { store, journal } = this.#parts;
    const run = this.require(c.sight, alias);
    if (params.model !== undefined) this.#models.require(c.project.id, params.model);
    const settings = { ...run.settings, ...settingsOf(params) };
    journal.commit('durable', () => store.runs.configure(run.id, { settings, ...defined({ model: params.model }) }));
    return this.require(c.sight, alias);
  }

  /** Deletes a run with all it holds. Throws conflict while something of it runs. */
  remove(c: Caller, alias: string): void {
    const run = this.require(c.sight, alias);
    this.#requireIdle(run, 'deleted');
    deleteRun(this.#parts, run);
  }

  /** Newest first; 100 by default. */
  list(sight: Sight, limit = 100, offset = 0): RunRow[] {
    const { runs, loops } = this.#parts.store;
    const page = runs.list(sight, limit, offset);
    const prompts = loops.firstPrompts(page.map(({ id }) => id));
    return page.map((run) => this.#row(run, prompts.get(run.id)));
  }

  info(sight: Sight, alias: string): RunInfo {
    const { store, streams } = this.#parts;
    const run = this.require(sight, alias);
    const loops = store.loops.list(run.id);
    const live = streams.list({ runId: run.id, state: 'live' });
    return {
      ...defined({ ...store.agents.get(run.id)?.facts }),
      ...this.#row(run, loops[0]?.prompt),
      loops: loops.map(({ sequence, mode, prompt, status, outcome, result }) => ({
        loop: sequence,
        mode,
        prompt,
        status,
        outcome,
        result,
      })),
      ...runUsage(store.turns.list(run.id), loops),
      proposals: store.entries.list({ runId: run.id, statuses: [202], withoutBodies: true }).map(({ path }) => path),
      producers: live.map(({ producer }) => producer.path),
      waiting: live.filter(({ waiting }) => waiting).map(({ producer }) => producer.path),
      leftovers: streams.list({ runId: run.id, state: 'leftover' }).map(({ producer }) => producer.path),
    };
  }

  /** What waits for an answer, oldest first; others are served between the pages of a long list (SPEC {#no_pause}). */
  async proposals(sight: Sight, alias?: string): Promise<ProposalView[]> {
    const { store } = this.#parts;
    const scope = alias === undefined ? { sight } : { runId: this.require(sight, alias).id };
    const views: ProposalView[] = [];
    for (let afterId = 0; ; ) {
      const page = store.entries.list({ ...scope, statuses: [202], afterId, limit: PROPOSALS });
      for (const entry of page)
        views.push({
          run: store.runs.byId(entry.runId)?.alias ?? '',
          ...proposalFacts(entry),
          status: 202,
          createdAt: entry.createdAt,
        });
      if (page.length < PROPOSALS) return views;
      afterId = page.at(-1)?.id ?? afterId;
      await slices.next();
    }
  }

  #row(run: Run, prompt: string | undefined): RunRow {
    const { alias, status, outcome, model, turn, createdAt, updatedAt } = run;
    const { agent } = run.settings;
    const said = agent === undefined ? undefined : this.#parts.store.agents.get(run.id)?.facts?.title;
    return { run: alias, title: titleOf(run, said, prompt), status, outcome, model, ...defined({ agent }), turn, createdAt, updatedAt };
  }

  #freeAlias(projectId: number, driver: string): string {
    const key = `${projectId} ${driver}`;
    for (let number = this.#numbers.get(key) ?? 1; ; number++) {
      const alias = `${driver.slice(0, 52)}-${number}`;
      if (this.#parts.store.runs.byAlias(everyRun(projectId), alias)) continue;
      this.#numbers.set(key, number);
      return alias;
    }
  }

  /** Names in events and stored paths of what runs would no longer fit. */
  #requireIdle(run: Run, what: 'renamed' | 'deleted'): void {
    const { store } = this.#parts;
    if (store.loops.active(run.id)) {
      throw new HeadgateError('conflict', `run ${run.alias} is at work and cannot be ${what}; end it with run/abort first`, {
        run: run.alias,
        status: run.status,
      });
    }
    // What runs on of a command that has ended has had its names; deleted with them it would be out of reach.
    const also = what === 'deleted' ? ({ leftover: true } as const) : {};
    const live = store.producers.list({ runId: run.id, states: LIVE_STATES, ...also });
    if (live.length > 0) {
      const paths = live.map(({ path }) => path);
      throw new HeadgateError(
        'conflict',
        `run ${run.alias} cannot be ${what} while its commands, or processes that they have left, run: ${paths.join(', ')}; end them with stream/cancel first`,
        {
          run: run.alias,
          producers: paths,
        },
      );
    }
  }
}

/** What somebody has called it, else what its agent calls it, else the first line of its first prompt that says something (SPEC {#run_title}). */
function titleOf({ settings }: Run, said: string | undefined, prompt = ''): string | null {
  const given = settings.title || said;
  if (given) return given;
  const [line = ''] = prompt.trim().split('\n', 1);
  const text = line.trim();
  return text === '' ? null : [...text].slice(0, TITLE_CHARS).join('');
}
