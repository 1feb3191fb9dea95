import { methods, type RequestPermissionRequest, type ToolCallUpdate } from '@agentclientprotocol/sdk';
import { messageOf } from '../core/errors.ts';
import { type Action, actionOf, type Question, type RunName } from '../rpc/client/index.ts';
import { isRefusal } from './errors.ts';
import type { Link } from './link.ts';
import type { Outlet } from './outlet.ts';
import { type Answer, permissionAnswer, permissionOptions } from './permission.ts';
import { chosenAnswer, formAnswer, questionForm, questionOptions } from './question.ts';

/** A proposal that waits, as `run/proposal` and `getProposals` tell it. */
export interface Proposal {
  readonly path: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

/**
 * Asks the editor about proposals, several at a time, and brings its answers to the server. An answer that another client
 * gave first takes the question back (SPEC {#acp_permission}).
 */
export class Proposals {
  readonly #outlet: Outlet;
  readonly #run: RunName;
  readonly #link: () => Promise<Link>;
  readonly #inText: (path: string, question: Question) => void;
  readonly #dismissed: (path: string) => void;
  readonly #asked = new Map<string, AbortController>();
  /** What was asked about and dismissed, and still waits. */
  readonly #waiting = new Map<string, Proposal>();

  /**
   * @param options - `inText`: called with a question that only the person's next message can answer; `dismissed`: of a request
   * that was closed without an answer
   */
  constructor(options: {
    outlet: Outlet;
    run: RunName;
    link: () => Promise<Link>;
    inText: (path: string, question: Question) => void;
    dismissed: (path: string) => void;
  }) {
    this.#outlet = options.outlet;
    this.#run = options.run;
    this.#link = options.link;
    this.#inText = options.inText;
    this.#dismissed = options.dismissed;
  }

  /** Asks, once, whatever is asked of it; returns at once. */
  ask(proposal: Proposal, toolCall: ToolCallUpdate): void {
    const { path } = proposal;
    if (this.#asked.has(path)) return;
    const abort = new AbortController();
    this.#asked.set(path, abort);
    this.#ask(proposal, toolCall, abort.signal).catch((error: unknown) => {
      if (abort.signal.aborted) return;
      const how = `the proposal waits on; another client can answer it: headgate attach ${this.#run.now}`;
      void this.#outlet.notice('warning', `The editor could not be asked (${messageOf(error)}); ${how}`);
    });
  }

  /** It was answered, or ended otherwise: the editor is asked no longer. */
  withdraw(path: string): void {
    this.#asked.get(path)?.abort();
    this.#waiting.delete(path);
  }

  /** What was dismissed and still waits, to be asked about again. */
  takeDismissed(): Proposal[] {
    const taken = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { path } of taken) this.#asked.delete(path);
    return taken;
  }

  /** Takes every question back. */
  close(): void {
    for (const abort of this.#asked.values()) abort.abort();
  }

  /** Brings an answer to the server. An answer that came too late changes nothing and is no error. */
  async resolve(path: string, answer: Answer): Promise<void> {
    const link = await this.#link();
    try {
      await this.#run.ask(async (run) => await link.runtime.look('run/resolve', { run, resolution: { path, ...answer } }));
    } catch (error) {
      // Another client was faster, or a lost connection had the first attempt arrive; the event says what was answered.
      if (isRefusal(error, 'proposal_resolved')) return;
      if (answer.remember && isRefusal(error, 'unsupported')) {
        const { remember: _, ...once } = answer;
        return await this.resolve(path, once);
      }
      throw error;
    }
  }

  async #ask({ path, attributes }: Proposal, toolCall: ToolCallUpdate, signal: AbortSignal): Promise<void> {
    const { question, rules } = actionOf(attributes);
    if (question && !this.#outlet.traits.forms && question.options.length === 0) return this.#inText(path, question);
    const answer = question ? await this.#answerTo(path, question, toolCall, signal) : await this.#permission(rules, toolCall, signal);
    if (signal.aborted) return;
    if (answer) return await this.resolve(path, answer);
    this.#waiting.set(path, { path, attributes });
    this.#dismissed(path);
  }

  async #permission(rules: Action['rules'], toolCall: ToolCallUpdate, signal: AbortSignal): Promise<Answer | undefined> {
    return permissionAnswer(await this.#request(toolCall, permissionOptions(rules), signal));
  }

  async #answerTo(path: string, question: Question, toolCall: ToolCallUpdate, signal: AbortSignal): Promise<Answer | undefined> {
    const { client, sessionId, traits } = this.#outlet;
    if (traits.forms) {
      const form = questionForm(question, sessionId, path);
      return formAnswer(await client.request(methods.client.elicitation.create, form, withdrawnBy(signal)));
    }
    return chosenAnswer(question, await this.#request(toolCall, questionOptions(question), signal));
  }

  async #request(toolCall: ToolCallUpdate, options: ReturnType<typeof permissionOptions>, signal: AbortSignal) {
    const { client, sessionId } = this.#outlet;
    const params: RequestPermissionRequest = { sessionId, toolCall, options };
    return (await client.request(methods.client.session.requestPermission, params, withdrawnBy(signal))).outcome;
  }
}

function withdrawnBy(signal: AbortSignal) {
  return { cancellationSignal: signal, stopWaitingOnCancel: true };
}
