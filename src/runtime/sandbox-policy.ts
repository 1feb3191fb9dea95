import { HeadgateError } from '../core/errors.ts';
import type { ProposedProducer } from '../hooks/plugin.ts';
import type { BackendName, Sandbox } from '../model/place.ts';

/** The sandbox that the configuration puts every command in (SPEC {#sandbox_default}). */
export interface SandboxPolicy extends Sandbox {
  /** Backends that are permitted beside it: what they run is not in this sandbox. */
  readonly others: readonly BackendName[];
}

/**
 * What is proposed, in the sandbox of the configuration. A command may ask for a narrower one. Throws `forbidden` for a
 * wider one, and for a backend whose commands no sandbox reaches, unless the configuration names it.
 */
export function sandboxed(producer: ProposedProducer, policy: SandboxPolicy | undefined, root: string): ProposedProducer {
  if (!policy) return producer;
  const { backend, spec } = producer;
  if (backend !== 'process' && backend !== 'pty') {
    if ((policy.others as readonly string[]).includes(backend)) return producer;
    throw refused(
      `this server runs commands in a sandbox, and backend "${backend}" has none; leave it out, or name it in sandbox.others of the configuration`,
      'backend',
    );
  }
  const { mode, network } = policy;
  const asked = spec.sandbox;
  if (!asked) return { ...producer, spec: { ...spec, sandbox: { mode, network, root } } };
  if (mode === 'read-only' && asked.mode !== 'read-only')
    throw refused('commands of this server may write nowhere; ask for sandbox mode read-only, or leave sandbox out', 'sandbox.mode');
  if (asked.network && !network)
    throw refused('commands of this server have no network; ask for a sandbox without it, or leave sandbox out', 'sandbox.network');
  // Whatever a plugin has put there: it is the project that may be written to.
  return { ...producer, spec: { ...spec, sandbox: { ...asked, root } } };
}

function refused(message: string, field: string): HeadgateError {
  return new HeadgateError('forbidden', message, { field });
}
