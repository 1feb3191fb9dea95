import { HeadgateError } from '../core/errors.ts';
import type { Store } from '../model/ports/store.ts';
import type { PermissionRecord } from '../model/records.ts';
import { type Case, type Decision, type GivenRule, type Judgement, judgeApart, type RuleText, splitRule } from '../policy/index.ts';
import type { Journal, JournalTx } from '../stream/index.ts';

/** Rules of a project at most. */
const MAX_RULES = 1000;

/** What the configuration says of rules (SPEC {#policy_rules}). */
export interface PolicyConfig {
  readonly rules: readonly RuleText[];
  /** What only looks needs no rule (SPEC {#policy_defaults}). */
  readonly readOnly: boolean;
}

/** A rule as clients see it. */
export interface RuleView {
  readonly id?: number;
  readonly source: 'config' | 'stored';
  readonly decision: Decision;
  readonly rule: string;
  readonly by?: string;
  readonly at?: number;
  /** The proposal whose answer it comes from, `run path`. */
  readonly via?: string;
  readonly removedBy?: string;
  readonly removedAt?: number;
}

/** The rules of the configuration and of each project: what they decide, and every change of them (SPEC {#policy_audit}). */
export class Policy {
  readonly readOnly: boolean;
  readonly #store: Store;
  readonly #journal: Journal;
  readonly #config: readonly GivenRule[];

  constructor(store: Store, journal: Journal, config: PolicyConfig) {
    this.#store = store;
    this.#journal = journal;
    this.readOnly = config.readOnly;
    this.#config = config.rules.map((rule) => {
      splitRule(rule);
      return { ...rule, source: 'config' };
    });
  }

  /** What the rules of a project decide now. */
  async judge(projectId: number, one: Case): Promise<Judgement> {
    return await judgeApart(one, [...this.#config, ...this.#store.permissions.list(projectId).map(stored)]);
  }

  /** The configuration's rules, then the project's; with `removed` also those that were taken back. */
  list(projectId: number, removed = false): RuleView[] {
    const config = this.#config.map(({ decision, text }): RuleView => ({ source: 'config', decision, rule: text }));
    return [...config, ...this.#store.permissions.list(projectId, removed).map(viewOf)];
  }

  /** Throws invalid_params for a text that is not a rule, conflict when there are too many rules. */
  add(projectId: number, by: string, rule: RuleText): RuleView {
    return this.#journal.commit('durable', (tx) => this.write(tx, projectId, by, '', rule));
  }

  /** Throws not_found. */
  remove(projectId: number, by: string, id: number): RuleView {
    return this.#journal.commit('durable', (tx) => {
      const gone = this.#store.permissions.remove(projectId, id, by);
      if (!gone) throw new HeadgateError('not_found', `no rule ${id} holds in this project; policy/list shows those that do`, { id });
      const view = viewOf(gone);
      tell(tx, projectId, 'removed', view);
      return view;
    });
  }

  /** Adds a rule within the caller's transaction; a rule that holds already is returned as it is. */
  write(tx: JournalTx, projectId: number, by: string, via: string, { decision, text }: RuleText): RuleView {
    const { tool, pattern, folder = null } = splitRule({ decision, text });
    const held = this.#store.permissions.list(projectId);
    const same = held.find((one) => one.tool === tool && one.pattern === pattern && one.folder === folder && one.decision === decision);
    if (same) return viewOf(same);
    if (held.length >= MAX_RULES)
      throw new HeadgateError('conflict', `this project has ${MAX_RULES} rules; remove some of them with policy/remove first`, {
        rules: held.length,
      });
    const view = viewOf(this.#store.permissions.add({ projectId, tool, pattern, folder, decision, by, via }));
    tell(tx, projectId, 'added', view);
    return view;
  }
}

function tell(tx: JournalTx, projectId: number, change: 'added' | 'removed', rule: RuleView): void {
  tx.event(projectId, null, 'policy/changed', { change, rule });
}

function stored(rule: PermissionRecord): GivenRule {
  return { decision: rule.decision, text: textOf(rule), source: 'stored', id: rule.id };
}

function textOf({ tool, pattern, folder }: PermissionRecord): string {
  return `${tool}(${pattern})${folder === null ? '' : ` in ${folder}`}`;
}

function viewOf(rule: PermissionRecord): RuleView {
  const { id, decision, by, at, via, removedBy, removedAt } = rule;
  return {
    id,
    source: 'stored',
    decision,
    rule: textOf(rule),
    by,
    at,
    ...(via === '' ? {} : { via }),
    ...(removedBy === null || removedAt === null ? {} : { removedBy, removedAt }),
  };
}
