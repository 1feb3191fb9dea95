import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Backend } from '../model/ports/backend.ts';
import { createProcessBackend } from './process/index.ts';
import type { SpaceFact } from './shim/free-space.ts';
import { createTmuxBackend } from './tmux/index.ts';

export interface BackendsOptions {
  /** Where the producer folders are; made when missing. */
  readonly folder: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Variables of this process that commands do not inherit: keys that its configuration names. */
  readonly withheld?: readonly string[];
  /** Below so many free bytes of the folder's file system commands that write wait; 0 for none (SPEC {#free_space}). */
  readonly freeBytes?: number | undefined;
  /** Told when the disk has become nearly full, and when it has space again. */
  readonly spaceChanged?: (fact: SpaceFact) => void;
}

/** Every backend of this version, by name; `capabilities` of each says whether it can run here (SPEC {#backends}). */
export function createBackends(options: BackendsOptions): ReadonlyMap<string, Backend> {
  return new Map<string, Backend>([
    ['process', createProcessBackend(options)],
    ['tmux', createTmuxBackend(options)],
  ]);
}
