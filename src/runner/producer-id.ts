import type { Producer } from '../model/records.ts';

/**
 * The backend's name of a producer: the same after every restart, made from what the store keeps. The time of
 * creation tells it from a producer of the same number in an earlier database beside the same spool.
 */
export function producerIdOf(producer: Pick<Producer, 'entryId' | 'createdAt'>): string {
  return `p${producer.entryId}-${producer.createdAt.toString(36)}`;
}
