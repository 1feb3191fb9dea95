import { userInfo } from 'node:os';
import type { StartRequest } from '../../../model/ports/backend.ts';

const RUN = 'headgate.run';
const PRODUCER = 'headgate.producer';
const OWNER = 'headgate.owner';
const INSTANCE = 'headgate.instance';

/** What a container of ours says of itself: the run, the producer, the user whose server or runner made it, and which one that is. */
export function labelsOf({ producerId, run }: Pick<StartRequest, 'producerId' | 'run'>, instance: string): Record<string, string> {
  return { ...(run === undefined ? {} : { [RUN]: run }), [PRODUCER]: producerId, [OWNER]: userName(), [INSTANCE]: instance };
}

/** True when the container was made here, for this producer. */
export function isOurs(labels: Readonly<Record<string, string>> | null | undefined, producerId: string, instance: string): boolean {
  return labels?.[PRODUCER] === producerId && labels[INSTANCE] === instance;
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A user without a line in the password file.
    return String(process.getuid?.() ?? '');
  }
}

/** Filters of a list of containers: those of one producer. */
export function labelFilters(producerId: string, instance: string): { label: string[] } {
  return { label: [`${PRODUCER}=${producerId}`, `${INSTANCE}=${instance}`] };
}
