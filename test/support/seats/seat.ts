import type { Gate } from '../gate.ts';

/** A machine that is busy with other tests takes its time. */
export const SOON = { timeout: 40_000, interval: 25 } as const;

/** A command of the run: as it was proposed, and the path of its log entry. */
export interface Command {
  readonly command: string;
  readonly path: string;
}

/** Whole output of a command as a client has it. */
export interface Output {
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

/** Somebody who takes part in a run with a client of one kind: what they do with its keys, and what they see. */
export interface Seat {
  /** The way of this client alone to the server. */
  readonly gate: Gate;
  /** What the others are shown as who has answered. */
  readonly by: RegExp;
  /** Prompts the run so that its model proposes the command. */
  propose(command: string): Promise<void>;
  /** Sees that it waits for an answer. */
  proposed(command: Command): Promise<void>;
  accept(command: Command): Promise<void>;
  /** Sees that it waits no more, and by whom where the client says so. */
  answered(command: Command, by: RegExp): Promise<void>;
  running(command: Command): Promise<void>;
  cancel(command: Command): Promise<void>;
  cancelled(command: Command): Promise<void>;
  /** Every byte of a command that has ended. */
  output(command: Command): Promise<Output>;
  /** Sees that the connection is lost. */
  lost(): Promise<void>;
  /** Has the output of the command before them from now on. */
  watch(command: Command): Promise<void>;
  /** The lines of its output that are shown, once this is the last of them; `first` counts from 1. */
  lines(command: Command, last: string): Promise<{ first: number; lines: readonly string[] }>;
  /** How often the command is there. */
  times(command: Command): Promise<number>;
  close(): Promise<void>;
}

/** Cuts the connections of a client, and lets it have none. */
export function cutOff({ gate }: Seat): void {
  gate.reset();
  gate.state = 'reset';
}

/** Lets a client that was cut off come back. */
export function letBack({ gate }: Seat): void {
  gate.state = 'open';
}
