import type { HeadgateError } from '../core/errors.ts';

/** Outcomes that say nothing of the command, only that its place could not be reached this time. */
const OUTCOMES: readonly unknown[] = [
  'engine_unreachable',
  'engine_forbidden',
  'unreachable',
  'refused',
  'host_unknown',
  'auth_failed',
  'key_encrypted',
  'key_missing',
  'tls_files_missing',
];

/** True for an error that leaves open whether a command runs, since no process there was asked. */
export function isOutOfReach(error: HeadgateError): boolean {
  return OUTCOMES.includes(error.facts['outcome']);
}
