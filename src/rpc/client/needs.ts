import { actionOf } from '../protocol/action.ts';
import type { ResultOf } from '../protocol/table.ts';

type Command = ResultOf<'stream/list'>[number];
type Proposal = ResultOf<'getProposals'>[number];
type RunRow = ResultOf<'getRuns'>[number];

/** How long the end of a run that failed is among what needs somebody, milliseconds. */
const FAILURE_MS = 60 * 60 * 1000;

/** What waits for a person: a proposal, a question, a command that wants input, a run that failed. */
export interface Need {
  readonly kind: 'proposal' | 'question' | 'input' | 'failure';
  readonly project: string;
  readonly run: string;
  /** Of the entry; a failure has none. */
  readonly path?: string;
  readonly words: string;
  /** Since when, milliseconds since the epoch. */
  readonly since: number;
}

/** What needs somebody in one project (SPEC {#needs_you}). */
export function needsOf(
  project: string,
  { proposals, commands, runs }: { proposals: readonly Proposal[]; commands: readonly Command[]; runs: readonly RunRow[] },
  now: number,
): Need[] {
  return [
    ...proposals.map(({ run, path, createdAt, command, summary, attributes }): Need => {
      const kind = actionOf(attributes).question ? 'question' : 'proposal';
      return { kind, project, run, path, words: command ?? summary, since: createdAt };
    }),
    ...commands
      .filter(({ waiting }) => waiting === true)
      .map(
        ({ run, path, command, lastOutputAt, ageMs }): Need => ({
          kind: 'input',
          project,
          run,
          path,
          words: command,
          since: lastOutputAt ?? now - ageMs,
        }),
      ),
    ...runs
      .filter(({ status, updatedAt }) => status === 500 && now - updatedAt < FAILURE_MS)
      .map(({ run, outcome, updatedAt }): Need => ({ kind: 'failure', project, run, words: outcome ?? 'failed', since: updatedAt })),
  ];
}
