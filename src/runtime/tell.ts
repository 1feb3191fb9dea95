import { defined } from '../core/defined.ts';
import { actionOf } from '../model/action.ts';
import { placeLine } from '../model/place-line.ts';
import type { Entry, Loop, Run, TurnMeter } from '../model/records.ts';
import type { JournalTx } from '../stream/index.ts';

/** The durable events of runs and entries; parameters as the notification table has them (SPEC {#notifications}). */

/** `run/state`: the run, or the loop named, changed status. */
export function tellRun(tx: JournalTx, run: Run, loop?: Loop): void {
  const { alias, status, outcome, turn } = run;
  const ofLoop = loop ? { loop: loop.sequence, ...(loop.result === null ? {} : { result: loop.result }) } : {};
  tx.event(run.projectId, alias, 'run/state', { run: alias, status, outcome, turn, ...ofLoop });
}

/** `run/state` of a run that has just got another alias. */
export function tellRenamed(tx: JournalTx, { projectId, alias, status, outcome, turn }: Run, from: string): void {
  tx.event(projectId, alias, 'run/state', { run: alias, status, outcome, turn, renamed_from: from });
}

/** `run/state` of a run that has just been deleted: its last event. */
export function tellDeleted(tx: JournalTx, run: Run): void {
  const { alias, status, outcome, turn } = run;
  tx.event(run.projectId, alias, 'run/state', { run: alias, status, outcome, turn, deleted: true }, run);
}

/** `run/progress`: a turn reached another phase, with what the model said once it has, and at the end what it cost. */
export function tellProgress(tx: JournalTx, run: Run, turn: number, phase: string, text?: string, spent?: TurnMeter): void {
  const said = text === undefined || text === '' ? {} : { text };
  const meter = spent?.usage ? { usage: spent.usage, cost: spent.cost } : {};
  tx.event(run.projectId, run.alias, 'run/progress', { run: run.alias, turn, phase, ...said, ...meter });
}

/** `entry/changed`. */
export function tellEntry(tx: JournalTx, run: Run, entry: Entry, removed = false): void {
  const { path, status, outcome, version } = entry;
  const gone = removed ? { removed: true } : {};
  tx.event(run.projectId, run.alias, 'entry/changed', { run: run.alias, path, status, outcome, version, ...gone });
}

/** `run/proposal`. */
export function tellProposal(tx: JournalTx, run: Run, entry: Entry): void {
  tx.event(run.projectId, run.alias, 'run/proposal', { run: run.alias, ...proposalFacts(entry) });
}

/** What a proposal shows to people: its action, command, summary, attributes and turn. */
export function proposalFacts(entry: Entry): {
  path: string;
  action: string;
  command?: string;
  summary: string;
  attributes: Entry['attributes'];
  turn: number;
} {
  const action = actionOf(entry.attributes);
  const { tool = 'unknown', command, summary = entry.path } = action;
  // A client that shows nothing but the summary shows where it would run as well.
  const place = placeLine(action);
  return {
    path: entry.path,
    action: tool,
    ...defined({ command }),
    summary: `${summary}${place === undefined ? '' : ` (${place})`}`,
    attributes: entry.attributes,
    turn: entry.turn,
  };
}
