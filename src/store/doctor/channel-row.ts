import type { Patient, Problem } from './problem.ts';

/** A channel as its row says. */
export interface ChannelRow {
  readonly id: number;
  readonly run_id: number;
  readonly path: string;
  readonly bytes: number;
  readonly lines: number;
  readonly status: number;
}

/** Cut now, the channel would go on with other bytes than belong there. */
export function onlyAfterItsEnd(problem: Problem): Problem {
  return { ...problem, detail: `${problem.detail}; its command is not over: cancel it with the server, then repair what is left` };
}

/** Sets the size that the row of a channel says. */
export function resize({ db, now }: Patient, id: number, bytes: number, lines: number): void {
  db.prepare('update entries set bytes = ?, lines = ?, updated_at = ? where id = ?').run(bytes, lines, now, id);
}

/** A channel, for people. */
export function named(row: ChannelRow): string {
  return `${row.path} (entry ${row.id})`;
}
