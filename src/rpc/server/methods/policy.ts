import { given } from '../../../core/given.ts';
import type { Handlers } from '../handler.ts';

/** Rules (SPEC {#policy_methods}). */
export const policyHandlers: Handlers<'policy/list' | 'policy/add' | 'policy/remove' | 'policy/check'> = {
  'policy/list': ({ removed }, { parts, caller }) => parts.runtime.policy.list(caller().project.id, removed ?? false),
  'policy/add': (params, { parts, caller }) => parts.runtime.policy.add(caller(), params),
  'policy/remove': ({ id }, { parts, caller }) => parts.runtime.policy.remove(caller(), id),
  'policy/check': (params, { parts, caller }) => parts.runtime.policy.check(caller(), given(params)),
};
