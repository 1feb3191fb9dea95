import { RequestError, type StopReason } from '@agentclientprotocol/sdk';

/** How a loop ended. */
export interface LoopEnd {
  readonly status: number;
  readonly outcome: string | null;
}

/** Outcomes of a loop that stand for a stop reason of their own. */
const REASONS: Readonly<Record<string, StopReason>> = {
  aborted: 'cancelled',
  turns: 'max_turn_requests',
  repeated: 'max_turn_requests',
  strikes: 'max_turn_requests',
  model_filtered: 'refusal',
  model_context: 'max_tokens',
};

/**
 * Why a prompt stopped (SPEC {#acp_stop}). Throws -32603 for a loop that failed; `why` is what its log entry says.
 */
export function stopReason({ status, outcome }: LoopEnd, why: string | undefined): StopReason {
  const reason = status === 200 ? 'end_turn' : REASONS[outcome ?? ''];
  if (reason !== undefined) return reason;
  if (status === 499) return 'cancelled';
  throw RequestError.internalError({ status, outcome }, why ?? `the loop ended with ${status}${outcome === null ? '' : ` ${outcome}`}`);
}
