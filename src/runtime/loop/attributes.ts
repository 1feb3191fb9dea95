import type { ProposedChange, ProposedProducer } from '../../hooks/plugin.ts';
import type { Entry } from '../../model/records.ts';

/** What the runtime keeps in the attributes of an action's log entry. */

/** How a proposal was answered. */
export interface Resolution {
  readonly action: 'accept' | 'reject' | 'error';
  readonly by: string;
  readonly at: number;
  readonly output?: string;
}

/** True for an action of the model, as opposed to a client's own command. */
export function isModelAction(entry: Entry): boolean {
  return typeof entry.attributes['call_id'] === 'string';
}

export function toolOf(entry: Entry): string {
  const tool = entry.attributes['tool'];
  return typeof tool === 'string' ? tool : 'unknown';
}

export function inputOf(entry: Entry): Readonly<Record<string, unknown>> {
  const input = entry.attributes['input'];
  return typeof input === 'object' && input !== null ? (input as Readonly<Record<string, unknown>>) : {};
}

export function producerOf(entry: Entry): ProposedProducer | undefined {
  const plan = entry.attributes['plan'];
  return typeof plan === 'object' && plan !== null ? (plan as ProposedProducer) : undefined;
}

/** The change of a file that an accept carries out. */
export function changeOf(entry: Entry): ProposedChange | undefined {
  const { change, before, after, diff, added, removed, entries } = entry.attributes;
  if (typeof change !== 'object' || change === null) return undefined;
  return { change, before, after, diff, added, removed, ...(entries as object | undefined) } as ProposedChange;
}

/** A change as it is kept; `changeOf` reads it. */
export function changeAttributes({ writes, removes, ...planned }: ProposedChange): Entry['attributes'] {
  return { ...planned, ...(writes || removes ? { entries: { ...(writes ? { writes } : {}), ...(removes ? { removes } : {}) } } : {}) };
}

export function yieldMsOf(entry: Entry): number {
  const yieldMs = entry.attributes['yield_ms'];
  return typeof yieldMs === 'number' ? yieldMs : 0;
}

export function resolutionOf(entry: Entry): Resolution | undefined {
  const resolution = entry.attributes['resolution'];
  return typeof resolution === 'object' && resolution !== null ? (resolution as Resolution) : undefined;
}

/** True once the model has been shown that the producer still ran. */
export function wasShownRunning(entry: Entry): boolean {
  return typeof entry.attributes['shown'] === 'object';
}

/** An action that did not succeed; one at 102 runs in the background. */
export function hasFailed(entry: Entry): boolean {
  return entry.status >= 400;
}

/** True for an accepted proposal that its tool carries out itself (`accepted`), as opposed to a producer. */
export function isCarriedOut(entry: Entry): boolean {
  return entry.attributes['carried_out'] === true;
}

/** When the handler of an action was first called, milliseconds since the epoch; undefined before, and where it is not needed. */
export function begunAtOf(entry: Entry): number | undefined {
  const begunAt = entry.attributes['begun_at'];
  return typeof begunAt === 'number' ? begunAt : undefined;
}

/** How an ended command ended, in the words of its summary: `exit 0 after 1.2 s`. */
export function endWords(entry: Entry): string {
  const head = `$ ${String(entry.attributes['command'])}\n`;
  const how = entry.body.startsWith(head) ? entry.body.slice(head.length).split('\n', 1)[0] : undefined;
  return how || [entry.status, entry.outcome].filter(Boolean).join(' ');
}
