import { HeadgateError, messageOf } from '../../core/errors.ts';
import type { ContainerPlace } from '../../model/place.ts';
import type { BackendRef, StartRequest } from '../../model/ports/backend.ts';
import { isRefusal } from './engine.ts';
import type { ContainerRecord } from './records.ts';

/** What is noted of it here. */
export function recordOf({ spec: { container, ssh } }: StartRequest, phase: ContainerRecord['phase']): ContainerRecord {
  return { phase, host: container?.host, tls: container?.tls, ssh };
}

/** Name of its container. */
export function nameOf({ producerId }: StartRequest, { name }: ContainerPlace): string {
  return name ?? `headgate-${producerId}`;
}

/** How it is found again. */
export function refOf({ producerId }: StartRequest): BackendRef {
  return { producerId };
}

/** The named error for a container that the engine does not make or start. */
export function startFailed(error: unknown, { image }: ContainerPlace): unknown {
  if (!isRefusal(error, 400, 404, 409, 500)) return error;
  return new HeadgateError('conflict', `the container of ${image} cannot be started: ${messageOf(error)}`, { outcome: 'start_failed' });
}
