import { createHash } from 'node:crypto';
import type { ContextMessage, ContextPacket } from '../model/context-record.ts';
import type { ToolSpec } from '../model/ports/model-provider.ts';
import type { Connection } from './connection.ts';
import { fromJson, toJson } from './json.ts';
import { changedOne, found, inserted } from './missing.ts';
import { ofVisibleRun } from './visible.ts';

/** A packet as a turn's row has it: ids of its messages and of its list of tools. */
interface StoredPacket {
  readonly messages: readonly number[];
  readonly tools: number;
}

/**
 * What turns sent to their models. Turns of a run share most of their messages, so a message is stored once a run and a
 * turn keeps the numbers of its own (SPEC {#turn_context}).
 */
export class Packets {
  readonly #db: Connection;

  constructor(db: Connection) {
    this.#db = db;
  }

  /** Replaces what a turn sent. */
  set(turnId: number, packet: ContextPacket): void {
    this.#db.group('durable', () => {
      const turn = this.#db.first(this.#db.query.selectFrom('turns').select('run_id').where('id', '=', turnId));
      const runId = found(turn, 'turn', turnId, 'getRun').run_id;
      const stored: StoredPacket = {
        messages: packet.messages.map((message) => this.#keep(runId, message)),
        tools: this.#keep(runId, packet.tools),
      };
      const changed = this.#db.run(
        this.#db.query
          .updateTable('turns')
          .set({ packet: toJson(stored) })
          .where('id', '=', turnId),
      );
      changedOne(changed, 'turn', turnId, 'getRun');
    });
  }

  /** Empty for a turn that sent nothing. */
  get(turnId: number): ContextPacket {
    const turn = this.#db.first(
      this.#db.query.selectFrom('turns').select(['run_id', 'packet']).where('id', '=', turnId).where(ofVisibleRun('turns.run_id')),
    );
    if (!turn) return { messages: [], tools: [] };
    if (turn.packet === null) return { messages: this.#formerly(turnId), tools: [] };
    const { messages, tools } = fromJson<StoredPacket>(turn.packet);
    return { messages: messages.map((id) => this.#read<ContextMessage>(id)), tools: this.#read<ToolSpec[]>(tools) };
  }

  #keep(runId: number, value: object): number {
    const record = toJson(value);
    const hash = createHash('sha256').update(record).digest('base64url');
    const query = this.#db.query.selectFrom('context_messages').select('id').where('run_id', '=', runId).where('hash', '=', hash);
    const known = this.#db.first(query);
    if (known) return known.id;
    const insert = this.#db.query.insertInto('context_messages').values({ run_id: runId, hash, record }).returning('id');
    return inserted(this.#db.first(insert)).id;
  }

  #read<T extends object>(id: number): T {
    const row = this.#db.first(this.#db.query.selectFrom('context_messages').select('record').where('id', '=', id));
    return fromJson<T>(found(row, 'message', id, 'getContext').record);
  }

  /** Turns of earlier versions have the ranges that they quoted and not their texts. */
  #formerly(turnId: number): ContextMessage[] {
    const rows = this.#db.all(this.#db.query.selectFrom('turn_context').selectAll().where('turn_id', '=', turnId).orderBy('ordinal'));
    return rows.map(({ path, from_byte: from, to_byte: to, tokens }) => ({
      role: 'user',
      pieces: [{ form: 'digest', path, from, to, tokens }],
    }));
  }
}
