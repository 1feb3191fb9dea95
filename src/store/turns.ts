import type { Selectable } from 'kysely';
import type { Clock } from '../core/clock.ts';
import { defined } from '../core/defined.ts';
import type { ContextPacket } from '../model/context-record.ts';
import type { TurnChange, TurnStore } from '../model/ports/store.ts';
import type { Turn } from '../model/records.ts';
import type { Connection } from './connection.ts';
import { changedOne, inserted } from './missing.ts';
import { Packets } from './packets.ts';
import type { Tables } from './tables.ts';
import { ofVisibleRun } from './visible.ts';

/** Turns of a run, and what their model was shown (SPEC {#turn_context}). */
export class SqliteTurns implements TurnStore {
  readonly #db: Connection;
  readonly #clock: Clock;
  readonly #packets: Packets;

  constructor(db: Connection, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
    this.#packets = new Packets(db);
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

  update(id: number, { phase, text, usage, cost, requests, firstMs, totalMs }: TurnChange): void {
    const change = {
      ...(phase === undefined ? {} : { phase, ended_at: phase === 'done' ? this.#clock.now() : null }),
      ...defined({ text }),
      ...(usage === undefined
        ? {}
        : {
            input_tokens: usage?.inputTokens ?? null,
            output_tokens: usage?.outputTokens ?? null,
            cached_tokens: usage?.cachedTokens ?? null,
          }),
      ...defined({ cost, requests, first_ms: firstMs, total_ms: totalMs }),
    };
    const unchanged = Object.keys(change).length === 0;
    const update = this.#db.query
      .updateTable('turns')
      .set(unchanged ? { id } : change)
      .where('id', '=', id);
    const changed = this.#db.write('durable', () => this.#db.run(update));
    changedOne(changed, 'turn', id, 'getRun');
  }

  setContext(turnId: number, packet: ContextPacket): void {
    this.#packets.set(turnId, packet);
  }

  context(turnId: number): ContextPacket {
    return this.#packets.get(turnId);
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
    cost: row.cost,
    requests: row.requests,
    firstMs: row.first_ms,
    totalMs: row.total_ms,
    startedAt: row.started_at,
    endedAt: row.ended_at,
  };
}
