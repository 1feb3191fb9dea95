import { HeadgateError } from '../core/errors.ts';
import type { ContextMessage, ContextPiece } from '../model/context-record.ts';
import type { ToolSpec } from '../model/ports/model-provider.ts';
import type { Run, TurnMeter } from '../model/records.ts';
import type { RuntimeParts } from './parts.ts';

type Parts = Pick<RuntimeParts, 'store'>;

/** What `getContext` returns (SPEC {#context_record}). */
export interface TurnContext extends TurnMeter {
  readonly run: string;
  readonly turn: number;
  readonly messages: (Omit<ContextMessage, 'pieces' | 'calls'> & { message: number; calls?: { -readonly [K in keyof Call]: Call[K] }[] })[];
  readonly pieces: (ContextPiece & { ordinal: number; message: number })[];
  readonly tools: ToolSpec[];
}

type Call = NonNullable<ContextMessage['calls']>[number];

/** What the model was sent in a turn, the last by default; `body: false` leaves texts and tools out. Throws not_found. */
export function turnContext({ store }: Parts, run: Run, { turn, body }: { turn?: number; body?: boolean }): TurnContext {
  const sequence = turn ?? run.turn;
  const record = store.turns.get(run.id, sequence);
  if (!record) {
    const what = run.turn === 0 ? 'it has had no turn yet; prompt it with ask or act' : `its turns are 1 to ${run.turn}`;
    throw new HeadgateError('not_found', `run ${run.alias} has no turn ${sequence}; ${what}`, { run: run.alias, turn: sequence });
  }
  const { usage, cost, requests, firstMs, totalMs } = record;
  const packet = store.turns.context(record.id);
  const whole = body !== false;
  const pieces = packet.messages.flatMap((one, index) => one.pieces.map((piece) => ({ ...piece, message: index + 1 })));
  return {
    run: run.alias,
    turn: sequence,
    usage,
    cost,
    requests,
    firstMs,
    totalMs,
    messages: packet.messages.map(({ pieces: _, calls, ...rest }, index) => ({
      message: index + 1,
      ...rest,
      ...(whole && calls ? { calls: [...calls] } : {}),
    })),
    pieces: pieces.map(({ text, ...piece }, index) => ({ ordinal: index + 1, ...piece, ...(whole && text !== undefined ? { text } : {}) })),
    tools: whole ? [...packet.tools] : [],
  };
}
