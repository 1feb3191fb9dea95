import type { RunModel, Step } from '../../rpc/client/index.ts';
import type { Question } from './question.ts';

/** What keys act on: what is selected in a timeline, and the row for messages and for a line that is typed. */
export interface Desk {
  readonly timeline: RunModel;
  /** The selected command if it runs, else the newest that does, which is then selected. */
  running(): Step | undefined;
  /** The selected proposal; where something else is selected it only goes to the oldest that waits. */
  proposal(): Step | undefined;
  say(message: string): void;
  ask(question: Question): void;
  /** Says what comes of it. */
  do(task: Promise<string>): void;
  /** Something else is to be shown. */
  redraw(): void;
}
