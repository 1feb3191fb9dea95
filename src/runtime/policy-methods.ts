import { resolve } from 'node:path';
import { HeadgateError } from '../core/errors.ts';
import type { Case, Decision, Judgement } from '../policy/index.ts';
import type { Caller } from './parts.ts';
import type { Policy, RuleView } from './policy.ts';
import { subjectOf } from './policy-case.ts';

/** What `policy/check` is asked about. */
export interface Question {
  readonly tool: string;
  readonly command?: string;
  readonly input?: Readonly<Record<string, unknown>>;
}

/** The methods on rules, as the protocol has them (SPEC {#policy_methods}). */
export class PolicyMethods {
  readonly #policy: Policy;

  constructor(policy: Policy) {
    this.#policy = policy;
  }

  list(projectId: number, removed: boolean): { rules: RuleView[]; readOnly: boolean } {
    return { rules: this.#policy.list(projectId, removed), readOnly: this.#policy.readOnly };
  }

  add(c: Caller, { decision, rule }: { decision: Decision; rule: string }): RuleView {
    return this.#policy.add(c.project.id, c.client, { decision, text: rule });
  }

  remove(c: Caller, id: number): RuleView {
    return this.#policy.remove(c.project.id, c.client, id);
  }

  /** What would be decided if the model proposed this. Throws invalid_params when it is given both, or neither. */
  async check(c: Caller, question: Question): Promise<Judgement> {
    return await this.#policy.judge(c.project.id, this.#case(c.project.root, question));
  }

  #case(root: string, { tool, command, input }: Question): Case {
    if ((command === undefined) === (input === undefined))
      throw new HeadgateError('invalid_params', "give either command, or the tool's input", { field: 'command' });
    const text = command ?? input?.['command'];
    const folder = resolve(root);
    if (typeof text !== 'string') return { kind: 'subject', tool, subjects: [subjectOf(input ?? {})], root: folder };
    const { cwd } = input ?? {};
    const looks = this.#policy.readOnly && tool === 'env';
    return {
      kind: 'shell',
      tool,
      command: text,
      root: folder,
      cwd: resolve(folder, typeof cwd === 'string' ? cwd : '.'),
      doubts: [],
      looks,
    };
  }
}
