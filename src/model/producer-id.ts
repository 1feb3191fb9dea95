import type { Producer } from './records.ts';

/** What `producerIdOf` makes. */
export const PRODUCER_ID = /^p([1-9]\d{0,14})-([0-9a-z]{1,11})$/;

/**
 * The backend's name of a producer: the same after every restart, made from what the store keeps. The time of
 * creation tells it from a producer of the same number in an earlier database beside the same spool.
 */
export function producerIdOf(producer: Pick<Producer, 'entryId' | 'createdAt'>): string {
  return `p${producer.entryId}-${producer.createdAt.toString(36)}`;
}

/** The parts of a producer's name; undefined for any other text. */
export function parseProducerId(id: string): Pick<Producer, 'entryId' | 'createdAt'> | undefined {
  const match = PRODUCER_ID.exec(id);
  return match ? { entryId: Number(match[1]), createdAt: Number.parseInt(match[2] ?? '', 36) } : undefined;
}
