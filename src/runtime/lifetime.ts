import { HeadgateError } from '../core/errors.ts';
import type { ProposedProducer } from '../hooks/plugin.ts';
import { type Lifetime, parseLifetime } from '../model/lifetime.ts';

/** Places where a warden counts the time without a server (SPEC {#lifetime}). */
const WATCHED: readonly string[] = ['process', 'pty'];

/**
 * What is proposed, with its lifetime: its own, else that of the run, else the usual one. Throws `unsupported` for a duration in a
 * place where nobody would end it; one that nobody asked for is left out there.
 */
export function withLifetime(producer: ProposedProducer, ofRun: string | undefined, usual: Lifetime): ProposedProducer {
  const { backend, spec } = producer;
  // It lives in the server, and ends with it.
  if (producer.runner === 'server') return producer;
  const own = spec.lifetime;
  const isCounted = WATCHED.includes(backend);
  if (typeof own === 'number' && !isCounted) {
    throw new HeadgateError(
      'unsupported',
      `a command of backend "${backend}" is not ended once the server has gone; use lifetime server or forever, or leave it out`,
      { field: 'lifetime' },
    );
  }
  const lifetime = own ?? (ofRun === undefined ? undefined : parseLifetime(ofRun)) ?? usual;
  if (lifetime === 'forever' || (typeof lifetime === 'number' && !isCounted)) {
    const { lifetime: _none, ...rest } = spec;
    return { ...producer, spec: rest };
  }
  return { ...producer, spec: { ...spec, lifetime } };
}
