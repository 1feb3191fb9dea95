import { LIVE_STATES, type ProducerState } from '../model/status.ts';

/** Which producers a `state` of a listing means. */
export function listFilter(state: string | undefined): { states?: readonly ProducerState[]; leftover?: true } {
  if (state === undefined) return {};
  if (state === 'leftover') return { leftover: true };
  if (state === 'open') return { states: LIVE_STATES, leftover: true };
  return { states: state === 'live' ? LIVE_STATES : [state as ProducerState] };
}
