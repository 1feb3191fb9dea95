import type { ParamsOf, ResultOf } from '../../protocol/table.ts';
import { RpcError } from '../errors.ts';
import type { Runtime } from '../runtime.ts';

type Row = ResultOf<'getEntries'>[number];
type Query = Omit<ParamsOf<'getEntries'>, 'limit' | 'offset'>;

/** Rows of a page of `entriesOf`. */
const PAGE = 200;

/** A page of entries: `limit` of them, or fewer where those are too much for one message. Throws what the server refuses. */
export async function entryPage(
  runtime: Pick<Runtime, 'look'>,
  query: Query & { limit: number; offset?: number },
): Promise<{ readonly rows: Row[]; readonly isLast: boolean }> {
  for (let { limit } = query; ; limit = Math.ceil(limit / 4)) {
    try {
      const rows = await runtime.look('getEntries', { ...query, limit });
      return { rows, isLast: rows.length < limit };
    } catch (error) {
      if (!(error instanceof RpcError) || error.kind !== 'too_large' || limit === 1) throw error;
    }
  }
}

/** All entries that `query` takes in, in order of creation, read page by page. Throws what the server refuses. */
export async function entriesOf(runtime: Pick<Runtime, 'look'>, query: Query): Promise<Row[]> {
  const all: Row[] = [];
  for (;;) {
    const { rows, isLast } = await entryPage(runtime, { ...query, limit: PAGE, offset: all.length });
    all.push(...rows);
    if (isLast) return all;
  }
}
