import type { Selectable } from 'kysely';
import type { Clock } from '../core/clock.ts';
import type { TurnStore } from '../model/ports/store.ts';
import type { ContextPiece, Turn, TurnPhase, Usage } from '../model/records.ts';
import type { Connection } from './connection.ts';
import { changedOne, inserted } from './missing.ts';
import type { Tables } from './tables.ts';
import { ofVisibleRun } from './visible.ts';

/** Turns of a run, and what their model was shown (SPEC {#turn_context}). */
export class SqliteTurns implements TurnStore {
  readonly #db: Connection;
  readonly #clock: Clock;

  constructor(db: Connection, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  create({ runId, loopId, sequence }: { runId: number; loopId: number; sequence: number }): Turn {
    const insert = this.#db.query
      .insertInto('turns')
      .values({ run_id: runId, loop_id: loopId, sequence, phase: 'asking', started_at: this.#clock.now() })
      .returningAll();
    return record(inserted(this.#db.write('durable', () => this.#db.first(insert))));
  }

  list(runId: number): Turn[] {
    return this.#db.all(this.#visible().where('run_id', '=', runId).orderBy('sequence')).map(record);
  }

  get(runId: number, sequence: number): Turn | undefined {
    const row = this.#db.first(this.#visible().where('run_id', '=', runId).where('sequence', '=', sequence));
    return row && record(row);
  }

  update(id: number, { phase, text, usage }: { phase?: TurnPhase; text?: string; usage?: Usage }): void {
    const change = {
      ...(phase === undefined ? {} : { phase, ended_at: phase === 'done' ? this.#clock.now() : null }),
      ...(text === undefined ? {} : { text }),
      ...(usage === undefined
        ? {}
        : { input_tokens: usage.inputTokens, output_tokens: usage.outputTokens, cached_tokens: usage.cachedTokens }),
    };
    const unchanged = Object.keys(change).length === 0;
    const update = this.#db.query
      .updateTable('turns')
      .set(unchanged ? { id } : change)
      .where('id', '=', id);
    const changed = this.#db.write('durable', () => this.#db.run(update));
    changedOne(changed, 'turn', id, 'getRun');
  }

  setContext(turnId: number, pieces: readonly ContextPiece[]): void {
    this.#db.group('durable', () => {
      this.#db.run(this.#db.query.deleteFrom('turn_context').where('turn_id', '=', turnId));
      for (const { ordinal, path, from, to, tokens } of pieces) {
        this.#db.run(
          this.#db.query.insertInto('turn_context').values({ turn_id: turnId, ordinal, path, from_byte: from, to_byte: to, tokens }),
        );
      }
    });
  }

  context(turnId: number): ContextPiece[] {
    const query = this.#db.query
      .selectFrom('turn_context')
      .innerJoin('turns', 'turns.id', 'turn_context.turn_id')
      .selectAll('turn_context')
      .where('turn_id', '=', turnId)
      .where(ofVisibleRun('turns.run_id'))
      .orderBy('ordinal');
    return this.#db
      .all(query)
      .map(({ ordinal, path, from_byte, to_byte, tokens }) => ({ ordinal, path, from: from_byte, to: to_byte, tokens }));
  }

  #visible() {
    return this.#db.query.selectFrom('turns').selectAll().where(ofVisibleRun('turns.run_id'));
  }
}

function record(row: Selectable<Tables['turns']>): Turn {
  const { input_tokens: input, output_tokens: output, cached_tokens: cached } = row;
  return {
    id: row.id,
    runId: row.run_id,
    loopId: row.loop_id,
    sequence: row.sequence,
    phase: row.phase,
    text: row.text,
    usage: input === null || output === null || cached === null ? null : { inputTokens: input, outputTokens: output, cachedTokens: cached },
    startedAt: row.started_at,
    endedAt: row.ended_at,
  };
}
