import type { AgentState } from '../model/agent-state.ts';
import type { AgentStore } from '../model/ports/store.ts';
import type { Connection } from './connection.ts';

/** The agents of runs that another program drives. */
export class SqliteAgents implements AgentStore {
  readonly #db: Connection;

  constructor(db: Connection) {
    this.#db = db;
  }

  get(runId: number): AgentState | undefined {
    const [row] = this.#db.all(this.#db.query.selectFrom('agents').select('state').where('run_id', '=', runId));
    return row && (JSON.parse(row.state) as AgentState);
  }

  set(runId: number, state: AgentState): void {
    const text = JSON.stringify(state);
    this.#db.write('fast', () =>
      this.#db.run(
        this.#db.query
          .insertInto('agents')
          .values({ run_id: runId, state: text })
          .onConflict((conflict) => conflict.column('run_id').doUpdateSet({ state: text })),
      ),
    );
  }

  prompted(): number[] {
    const query = this.#db.query.selectFrom('agents').select(['run_id', 'state']);
    return this.#db.all(query).flatMap(({ run_id, state }) => ((JSON.parse(state) as AgentState).prompt ? [run_id] : []));
  }
}
