import { resolve } from 'node:path';
import { HeadgateError } from '../core/errors.ts';
import { commandParams, commandProposal } from '../hooks/command-tool.ts';
import { type Case, type Decision, isShellTool, type Judgement } from '../policy/index.ts';
import { refusal } from './commands.ts';
import { lookPlace } from './look-place.ts';
import type { Caller, RuntimeParts } from './parts.ts';
import type { PluginHost } from './plugin-host.ts';
import type { Policy, RuleView } from './policy.ts';
import { caseOf } from './policy-case.ts';

/** What `policy/check` is asked about. */
export interface Question {
  readonly tool: string;
  /** A shell command. */
  readonly command?: string;
  /** What the proposal is about, as a proposal shows it in `attributes.subject`. */
  readonly subjects?: readonly string[];
  /** The input of a tool that runs shell commands. */
  readonly input?: Readonly<Record<string, unknown>>;
}

/** The methods on rules, as the protocol has them (SPEC {#policy_methods}). */
export class PolicyMethods {
  readonly #policy: Policy;
  readonly #host: PluginHost;
  readonly #canSandbox: RuntimeParts['canSandbox'];

  constructor({ policy, host, canSandbox }: Pick<RuntimeParts, 'policy' | 'host' | 'canSandbox'>) {
    this.#policy = policy;
    this.#host = host;
    this.#canSandbox = canSandbox;
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

  /**
   * What would be decided if the model proposed this. Throws invalid_params when it is given none or several of command, subjects and input,
   * for an input that does not fit, and for that of a tool which runs no shell command.
   */
  async check(c: Caller, question: Question): Promise<Omit<Judgement, 'runs' | 'yoloAsks'>> {
    const inSandbox = isShellTool(question.tool) && (await this.#canSandbox(c.project.root));
    const {
      runs: _runs,
      yoloAsks: _yoloAsks,
      ...judgement
    } = await this.#policy.judge(c.project.id, this.#case(c.project.root, question, inSandbox));
    return judgement;
  }

  #case(root: string, { tool, command, subjects, input }: Question, inSandbox: boolean): Case {
    if ([command, subjects, input].filter((one) => one !== undefined).length !== 1)
      throw new HeadgateError('invalid_params', 'give one of command, subjects and input', { field: 'command' });
    if (subjects) return { kind: 'subject', tool, subjects, root: resolve(root) };
    if (input && this.#host.tool(tool)?.definition.params !== commandParams) {
      const what = 'the path file://..., URL or text that it is about, of a move both paths';
      throw new HeadgateError('invalid_params', `${tool} is no tool that runs shell commands; instead of input give subjects: ${what}`, {
        field: 'input',
      });
    }
    const parsed = commandParams.safeParse(input ?? { command });
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw new HeadgateError('invalid_params', `the input does not fit ${tool}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`, {
        field: 'input',
      });
    }
    const proposal = commandProposal(parsed.data, root);
    if (proposal.kind === 'refused') throw refusal(proposal.status, proposal.body);
    return caseOf(proposal, parsed.data, { tool, root, by: 'model', readOnly: this.#policy.readOnly, look: lookPlace(root, inSandbox) });
  }
}
