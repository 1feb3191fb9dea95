import type { PermissionOption, RequestPermissionOutcome } from '@agentclientprotocol/sdk';
import { visibleLine } from '../core/visible-text.ts';
import type { RulesToRemember } from '../rpc/client/index.ts';

/** An answer to a proposal. */
export interface Answer {
  readonly action: 'accept' | 'reject';
  readonly remember?: true;
  readonly output?: string;
}

const ANSWERS: Readonly<Record<string, Answer>> = {
  allow_once: { action: 'accept' },
  allow_always: { action: 'accept', remember: true },
  reject_once: { action: 'reject' },
  reject_always: { action: 'reject', remember: true },
};

/** What a person can answer to a proposal; "always" names the rules that it writes, and is missing where there are none (SPEC {#acp_permission}). */
export function permissionOptions({ accept, reject }: RulesToRemember): PermissionOption[] {
  const rules = (list: readonly string[]) => list.map(visibleLine).join(', ');
  return [
    { optionId: 'allow_once', kind: 'allow_once', name: 'Allow' },
    ...(accept.length > 0 ? [{ optionId: 'allow_always', kind: 'allow_always' as const, name: `Always allow ${rules(accept)}` }] : []),
    { optionId: 'reject_once', kind: 'reject_once', name: 'Reject' },
    ...(reject.length > 0 ? [{ optionId: 'reject_always', kind: 'reject_always' as const, name: `Always reject ${rules(reject)}` }] : []),
  ];
}

/** What was chosen; undefined: the request was dismissed, and the proposal waits on. */
export function permissionAnswer(outcome: RequestPermissionOutcome): Answer | undefined {
  return outcome.outcome === 'selected' ? ANSWERS[outcome.optionId] : undefined;
}
