import { HeadgateError } from '../core/errors.ts';
import { homeFolders } from '../core/home-folder.ts';
import { resolveLinks } from '../core/real-path.ts';
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
  // What plugins do in the server is no command; what of it has a network is refused where commands have none.
  if (!policy || producer.runner === 'server') return producer;
  const { backend, spec } = producer;
  if (backend !== 'process' && backend !== 'pty') {
    if ((policy.others as readonly string[]).includes(backend)) return producer;
    throw refused(
      `this server runs commands in a sandbox, and backend "${backend}" has none; leave it out, or name it in sandbox.others of the configuration`,
      'backend',
    );
  }
  const { mode, network } = policy;
  const real = resolveLinks(root);
  const asked = spec.sandbox;
  if ((asked ?? policy).mode === 'workspace') requireProject(real);
  if (!asked) return { ...producer, spec: { ...spec, sandbox: { mode, network, root: real } } };
  if (mode === 'read-only' && asked.mode !== 'read-only')
    throw refused('commands of this server may write nowhere; ask for sandbox mode read-only, or leave sandbox out', 'sandbox.mode');
  if (asked.network && !network)
    throw refused('commands of this server have no network; ask for a sandbox without it, or leave sandbox out', 'sandbox.network');
  // Whatever a plugin has put there: it is the project that may be written to.
  return { ...producer, spec: { ...spec, sandbox: { ...asked, root: real } } };
}

/** Folders of the system that are never a project; nor is what is below them, apart from what is in `SOURCES`. */
const OF_SYSTEM = [
  '/bin',
  '/boot',
  '/dev',
  '/etc',
  '/lib',
  '/lib32',
  '/lib64',
  '/libx32',
  '/proc',
  '/run',
  '/sbin',
  '/sys',
  '/usr',
  '/var/spool',
];
const SOURCES = ['/usr/src', '/usr/local/src'];
/** Folders that hold those of many programs, each of which may have a project. */
const OF_MANY = ['/', '/home', '/media', '/mnt', '/opt', '/srv', '/var', '/var/lib', '/var/log'];

/**
 * Refuses a project whose folder is no project: who may run commands names the folder, and could name one in which a
 * written file is a program that somebody else runs, such as a home directory with its `.profile`, or /etc.
 */
function requireProject(real: string): void {
  const inside = (folder: string) => real === folder || real.startsWith(`${folder}/`);
  const around = (folder: string) => real === '/' || folder === real || folder.startsWith(`${real}/`);
  const system = OF_SYSTEM.some(inside) && !SOURCES.some((folder) => real.startsWith(`${folder}/`));
  if (system || OF_MANY.includes(real) || homeFolders().some((home) => around(resolveLinks(home))))
    throw refused(
      `this server lets commands write into their project only, and ${real.slice(0, 200)} is a folder of the system or a home folder; open a folder in it as the project`,
      'projectRoot',
    );
}

function refused(message: string, field: string): HeadgateError {
  return new HeadgateError('forbidden', message, { field });
}
