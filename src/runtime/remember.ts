import { HeadgateError } from '../core/errors.ts';
import type { Entry, Run } from '../model/records.ts';
import type { Sight } from '../model/sight.ts';
import type { JournalTx } from '../stream/index.ts';
import type { Policy } from './policy.ts';

/** The parts of an answer that decide whether `remember` is allowed. */
interface Remembering {
  readonly action: 'accept' | 'reject' | 'error';
  readonly output?: string | undefined;
  readonly remember?: boolean | undefined;
}

/** Throws forbidden for a token that is bound to its own runs, invalid_params for an answer from which no rule can be made. */
export function checkRemember({ madeWith }: Sight, { action, output, remember: asked }: Remembering): void {
  if (!asked) return;
  if (madeWith !== null)
    throw new HeadgateError(
      'forbidden',
      'a rule holds for the whole project, and this token is bound to its own runs; leave remember out',
      {
        field: 'remember',
      },
    );
  if (action === 'error')
    throw new HeadgateError('invalid_params', 'remember goes with accept and reject, not with error; leave it out', { field: 'remember' });
  if (action === 'accept' && output !== undefined)
    throw new HeadgateError('invalid_params', 'an output means that nothing is run, so there is nothing to allow; leave remember out', {
      field: 'remember',
    });
}

/**
 * Writes the rules that the proposal has shown, in the transaction of its answer, and returns them (SPEC {#policy_remember}). Throws
 * unsupported when it shows none.
 */
export function remember(policy: Policy, tx: JournalTx, run: Run, entry: Entry, action: Remembering['action'], by: string): string[] {
  const { remember: shown, remember_reject: forbid } = entry.attributes;
  const rules = (action === 'accept' ? (Array.isArray(shown) ? shown : []) : [forbid]).filter((rule) => typeof rule === 'string');
  if (rules.length === 0) {
    throw new HeadgateError(
      'unsupported',
      `no narrow rule can be made of this proposal, and it shows none in attributes.remember; answer without remember, or have an administrator write a rule with policy/add`,
      { field: 'remember', path: entry.path },
    );
  }
  const decision = action === 'accept' ? 'allow' : 'deny';
  return rules.map((text) => policy.write(tx, run.projectId, by, `${run.alias} ${entry.path}`, { decision, text }).rule);
}
