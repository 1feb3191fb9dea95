import { HeadgateError } from '../core/errors.ts';
import { type Transition, transitions } from '../model/status.ts';

const PERMITTED = new Set(transitions().map(({ kind, from, to }) => `${kind} ${from} ${to}`));

/**
 * Throws `illegal_transition` unless the state tables have the pair (SPEC {#state_tables}). A state that stays the same is
 * allowed. `what` names the thing for the message.
 */
export function requireTransition(kind: Transition['kind'], from: string | number, to: string | number, what: string): void {
  if (from === to || PERMITTED.has(`${kind} ${from} ${to}`)) return;
  throw new HeadgateError('illegal_transition', `${what} is at ${from} and cannot go to ${to}; read its present state and decide again`, {
    kind,
    from,
    to,
  });
}
