import { execFile } from 'node:child_process';
import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { defined } from '../../core/defined.ts';
import { HeadgateError, systemCode } from '../../core/errors.ts';
import { ownSearchPath } from '../../core/search-path.ts';
import type { SshPlace } from '../../model/place.ts';

const run = promisify(execFile);

/** How long ssh gets to read its configuration (milliseconds). */
const CONFIG_MS = 5000;

/** A host and how to log in to it. */
export interface SshTarget {
  /** As it was asked for; also for messages. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Private key files in the order in which they are tried; those that were asked for by name must be there. */
  readonly identities: readonly string[];
  readonly identityAsked: boolean;
  readonly knownHosts: readonly string[];
  /** Name by which its key is looked up, when that is another one (HostKeyAlias). */
  readonly keyAlias: string | undefined;
  /** Socket of the agent; undefined for none. */
  readonly agent: string | undefined;
}

/**
 * The way to a host: the hosts to go through, and at last the host itself. What the place does not say is asked of
 * ~/.ssh/config by `ssh -G` where an ssh client is installed. Throws `unsupported` for a ProxyCommand.
 */
export async function resolveWay(place: SshPlace): Promise<SshTarget[]> {
  const { target, jumps } = await resolve(place);
  const way: SshTarget[] = [];
  for (const jump of place.jump ?? jumps) {
    const [, user, bracketed, plain = '', port] = /^(?:([^@]*)@)?(?:\[([^\]]+)\]|([^:]*))(?::(\d{1,5}))?$/.exec(jump) ?? [];
    const host = bracketed ?? plain;
    if (host === '')
      throw new HeadgateError('invalid_params', `"${jump}" is no host to go through; write [user@]host[:port]`, { field: 'ssh.jump' });
    const hop: SshPlace = {
      host,
      ...defined({ user }),
      ...(port === undefined ? {} : { port: Number(port) }),
      ...defined({ identity: place.identity, known_hosts: place.known_hosts }),
    };
    way.push((await resolve(hop)).target);
  }
  return [...way, target];
}

async function resolve(place: SshPlace): Promise<{ target: SshTarget; jumps: readonly string[] }> {
  if (place.host.startsWith('-')) throw new HeadgateError('invalid_params', 'a host cannot begin with "-"', { field: 'ssh.host' });
  const config = await readConfig(place);
  const first = (key: string): string | undefined => config.get(key)?.[0];
  const proxy = first('proxycommand');
  if (proxy !== undefined && proxy !== 'none' && !place.jump) {
    throw new HeadgateError(
      'unsupported',
      `~/.ssh/config has a ProxyCommand for ${place.host}, which is not supported; write ProxyJump there, or name the hosts with jump`,
      { outcome: 'unsupported', host: place.host },
    );
  }
  const agent = first('identityagent');
  const socket =
    agent === undefined || agent === 'SSH_AUTH_SOCK' ? process.env['SSH_AUTH_SOCK'] : agent === 'none' ? undefined : atHome(agent);
  const identities = config.get('identityfile') ?? ['~/.ssh/id_ed25519', '~/.ssh/id_ecdsa', '~/.ssh/id_rsa'];
  const known = [
    ...(config.get('userknownhostsfile') ?? ['~/.ssh/known_hosts ~/.ssh/known_hosts2']),
    ...(config.get('globalknownhostsfile') ?? []),
  ];
  const jump = first('proxyjump');
  const target: SshTarget = {
    name: place.host,
    host: first('hostname') ?? place.host,
    port: place.port ?? Number(first('port') ?? 22),
    user: place.user ?? first('user') ?? userInfo().username,
    identities: place.identity === undefined ? identities.map(atHome) : [atHome(place.identity)],
    identityAsked: place.identity !== undefined,
    knownHosts: place.known_hosts === undefined ? known.flatMap((files) => files.split(' ')).map(atHome) : [atHome(place.known_hosts)],
    keyAlias: first('hostkeyalias'),
    agent: socket === '' ? undefined : socket,
  };
  return { target, jumps: jump === undefined || jump === 'none' ? [] : jump.split(',') };
}

/** What ssh would do, key -> values; empty without an ssh client. */
async function readConfig({ host, user, port }: SshPlace): Promise<Map<string, string[]>> {
  const config = new Map<string, string[]>();
  try {
    const options = [...(user === undefined ? [] : ['-l', user]), ...(port === undefined ? [] : ['-p', `${port}`])];
    const { stdout } = await run('ssh', ['-G', ...options, '--', host], {
      timeout: CONFIG_MS,
      env: { ...process.env, PATH: ownSearchPath() },
    });
    for (const line of stdout.split('\n')) {
      const blank = line.indexOf(' ');
      if (blank < 0) continue;
      const key = line.slice(0, blank);
      config.set(key, [...(config.get(key) ?? []), line.slice(blank + 1)]);
    }
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return config;
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : String(error);
    throw new HeadgateError('invalid_params', `ssh cannot read its configuration for ${host}: ${said}`, { outcome: 'ssh_config', host });
  }
  return config;
}

function atHome(file: string): string {
  if (file === '~') return homedir();
  return file.startsWith('~/') ? join(homedir(), file.slice(2)) : file.replace(/^%d\//, `${homedir()}/`);
}
