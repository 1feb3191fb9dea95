import type { Logger } from '../core/logger.ts';
import type { Redaction } from './redaction.ts';

/** A log into which no secret is written that is known (SPEC {#redaction}). */
export function redactedLogger(logger: Logger, redaction: Redaction): Logger {
  const level = (name: keyof Logger) => (facts: object, message: string) => logger[name](redaction.value(facts), redaction.text(message));
  return { debug: level('debug'), info: level('info'), warn: level('warn'), error: level('error') };
}
