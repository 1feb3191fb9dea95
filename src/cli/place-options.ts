import { type Command, InvalidArgumentError, Option } from 'commander';
import { defined } from '../core/defined.ts';
import type { ParamsOf } from '../rpc/protocol/table.ts';
import { usageError } from './errors.ts';
import { parseList, parseWhole } from './parse.ts';
import { folderIn } from './project.ts';

/** Where a command runs, as `sh`, `env` and `tty/open` take it. */
export type PlaceParams = Pick<ParamsOf<'sh'>, 'shell' | 'backend' | 'container' | 'ssh' | 'tmux' | 'sandbox'>;

type Container = NonNullable<PlaceParams['container']>;
type Mount = NonNullable<Container['mounts']>[number];
type Ssh = NonNullable<PlaceParams['ssh']>;

/** The options that name a place, as commander reads them. */
export interface PlaceOptions {
  readonly shell?: 'sh' | 'bash' | 'login';
  readonly backend?: string;
  readonly image?: string;
  readonly container?: string;
  readonly watch?: 'logs' | 'attach';
  readonly docker?: string;
  readonly dockerTls?: string;
  readonly name?: string;
  readonly user?: string;
  /** A network by name; true for a bare `--network`. */
  readonly network?: string | true;
  readonly memory?: number;
  readonly cpus?: number;
  readonly pids?: number;
  readonly mount?: readonly Mount[];
  readonly readOnly?: boolean;
  readonly pull?: 'missing' | 'always' | 'never';
  readonly host?: Pick<Ssh, 'host' | 'user' | 'port'>;
  readonly identity?: string;
  readonly knownHosts?: string;
  readonly jump?: readonly string[];
  /** A session; true for a bare `--tmux`. */
  readonly tmux?: string | true;
  readonly pane?: string;
  /** With --pane: what is typed here is typed there. */
  readonly input?: boolean;
  readonly tmuxSocket?: string;
  readonly history?: number;
  readonly sandbox?: 'workspace' | 'read-only';
}

/** Adds the options that name a place (SPEC {#places}). */
export function addPlaceOptions(command: Command): Command {
  const group = (title: string, ...options: Option[]) => {
    for (const option of options) command.addOption(option.helpGroup(title));
  };
  group(
    'Where it runs:',
    new Option('--backend <name>', 'process, pty, tmux, container or ssh (default: by the options below, else process)'),
    new Option('--shell <name>', 'which shell gets the command line; login is that of the user (default: sh)').choices([
      'sh',
      'bash',
      'login',
    ]),
    new Option('--sandbox <mode>', "what a command of the server's machine may write to: the project, or nothing").choices([
      'workspace',
      'read-only',
    ]),
    new Option('--network [name]', 'with --sandbox: leave the network on; with --image: none, host, bridge or a name'),
  );
  group(
    'In a container:',
    new Option('--image <image>', 'in a new container of this image'),
    new Option('--container <name>', 'in this container, which is there'),
    new Option('--watch <what>', 'run nothing: follow the logs of --container, or attach to it').choices(['logs', 'attach']),
    new Option('--docker <host>', 'unix:///path, tcp://host:port or ssh://[user@]host (default: DOCKER_HOST of the server)'),
    new Option('--docker-tls <dir>', 'folder of the server with ca.pem, cert.pem and key.pem for tcp://'),
    new Option('--name <name>', 'name of the new container'),
    new Option('--user <user>', 'user in the container'),
    new Option('--memory <size>', 'limit, for example 512m or 2g').argParser(parseSize),
    new Option('--cpus <n>', 'limit, for example 1.5').argParser(parseCpus),
    new Option('--pids <n>', 'limit of processes').argParser(parseWhole(1, 4_194_304)),
    new Option('--mount <source:target[:ro]>', 'show a folder of the host in the new container; may be given again').argParser(parseMount),
    new Option('--read-only', 'the root file system of the new container is read-only'),
    new Option('--pull <when>', 'when to pull the image (default: missing)').choices(['missing', 'always', 'never']),
  );
  group(
    'On another host:',
    new Option('--host <[user@]host[:port]>', 'over SSH; also with --image, --container and --tmux').argParser(parseHost),
    new Option('--identity <file>', "private key on the server's machine"),
    new Option('--known-hosts <file>', 'known host keys (default: ~/.ssh/known_hosts)'),
    new Option('--jump <a,b>', 'hosts to go through, [user@]host[:port], the first one first').argParser(parseList),
  );
  group(
    'In tmux:',
    new Option('--tmux [session]', 'in a new window of this session (default: headgate)'),
    new Option('--pane <pane>', 'run nothing: watch this pane, such as %3 or work:1.0'),
    new Option('--input', 'with --pane: type what comes on standard input into the pane; without it the pane is only watched'),
    new Option('--tmux-socket <name>', 'name, or with a slash path, of the tmux server'),
    new Option('--history <lines>', 'with --pane: lines from before the watch (default: all)').argParser(parseWhole(0, 1_000_000)),
  );
  return command;
}

/** What the options ask for, as params. Throws a usage error for options that need another one; the server judges the rest. */
export function placeParams(options: PlaceOptions): PlaceParams {
  const { shell, backend, image, container, sandbox, host } = options;
  const inContainer = image !== undefined || container !== undefined || backend === 'container';
  const inTmux = options.tmux !== undefined || options.pane !== undefined || backend === 'tmux';
  needs(options, ['watch', 'docker', 'dockerTls', 'name', 'user', 'memory', 'cpus', 'pids', 'mount', 'readOnly', 'pull'], inContainer, {
    means: '--image or --container',
  });
  needs(options, ['tmuxSocket', 'history'], inTmux, { means: '--tmux or --pane' });
  needs(options, ['input'], options.pane !== undefined, { means: '--pane' });
  needs(options, ['identity', 'knownHosts', 'jump'], host !== undefined, { means: '--host' });
  needs(options, ['network'], inContainer || sandbox !== undefined, { means: '--sandbox, --image or --container' });
  if (inContainer && options.network === true)
    throw usageError('--network of a container has a name', 'it is --network none, host or bridge');
  if (sandbox !== undefined && typeof options.network === 'string')
    throw usageError(
      `--network ${options.network}: a sandbox has the network or not`,
      'it is --network alone, before another option or --',
    );
  return {
    ...defined({ shell, backend }),
    ...(inContainer ? { container: containerParams(options) } : {}),
    ...(host === undefined ? {} : { ssh: sshParams(host, options) }),
    ...(inTmux ? { tmux: tmuxParams(options) } : {}),
    ...(sandbox === undefined ? {} : { sandbox: { mode: sandbox, network: options.network === true } }),
  };
}

/** Where a command begins: `--cwd`, else in the working directory where that is below the project's root and the command runs in the project (SPEC {#cli_server}). */
export function workingFolder(options: PlaceOptions & { readonly cwd?: string; readonly project?: string }): string | undefined {
  const { image, container, host, pane } = options;
  const isElsewhere = [image, container, host, pane].some((place) => place !== undefined);
  return options.cwd ?? (isElsewhere ? undefined : folderIn(options.project));
}

/** False where a pane is watched and no input was asked for: it belongs to the user (SPEC {#backend_tmux}). */
export function givesInput({ pane, input }: PlaceOptions): boolean {
  return pane === undefined || input === true;
}

function containerParams(options: PlaceOptions): Container {
  const { network, docker, dockerTls, mount, readOnly } = options;
  return {
    ...picked(options, ['image', 'container', 'watch', 'name', 'user', 'memory', 'cpus', 'pids', 'pull']),
    ...(typeof network === 'string' ? { network } : {}),
    ...defined({ host: docker, tls: dockerTls }),
    ...(mount === undefined ? {} : { mounts: [...mount] }),
    ...defined({ read_only: readOnly }),
  };
}

function sshParams(host: NonNullable<PlaceOptions['host']>, { identity, knownHosts, jump }: PlaceOptions): Ssh {
  return {
    ...host,
    ...defined({ identity, known_hosts: knownHosts }),
    ...(jump === undefined ? {} : { jump: [...jump] }),
  };
}

function tmuxParams({ tmux, pane, tmuxSocket, history }: PlaceOptions): NonNullable<PlaceParams['tmux']> {
  return {
    ...(typeof tmux === 'string' ? { session: tmux } : {}),
    ...defined({ pane, socket: tmuxSocket, history }),
  };
}

/** Those of the options that were given, without the members that are undefined. */
function picked<K extends keyof PlaceOptions>(options: PlaceOptions, keys: readonly K[]): { [P in K]?: NonNullable<PlaceOptions[P]> } {
  const given: { [P in K]?: NonNullable<PlaceOptions[P]> } = {};
  for (const key of keys) {
    const value = options[key];
    if (value !== undefined) given[key] = value;
  }
  return given;
}

function needs(options: PlaceOptions, keys: readonly (keyof PlaceOptions)[], met: boolean, { means }: { means: string }): void {
  const stray = met ? undefined : keys.find((key) => options[key] !== undefined);
  if (stray !== undefined) throw usageError(`${flag(stray)} goes with ${means}`);
}

function flag(key: string): string {
  return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

const SIZES: Readonly<Record<string, number>> = { '': 1, b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };

/** `512m`, `2g`, or bytes. */
export function parseSize(value: string): number {
  const match = /^(\d+(?:\.\d+)?)([bkmgt]?)(?:i?b)?$/i.exec(value);
  const bytes = match ? Math.round(Number(match[1]) * (SIZES[(match[2] ?? '').toLowerCase()] ?? 1)) : Number.NaN;
  if (!Number.isSafeInteger(bytes) || bytes < 1) throw new InvalidArgumentError('It is a size such as 512m or 2g.');
  return bytes;
}

function parseCpus(value: string): number {
  const cpus = /^\d+(\.\d+)?$/.test(value) ? Number(value) : Number.NaN;
  if (!(cpus >= 0.01 && cpus <= 1024)) throw new InvalidArgumentError('It is a number of processors such as 1.5.');
  return cpus;
}

/** `source:target`, `source:target:ro` or `:rw`; adds to what was given before. */
function parseMount(value: string, known: readonly Mount[] = []): Mount[] {
  const [source, target, mode, ...rest] = value.split(':');
  if (!source || !target?.startsWith('/') || rest.length > 0 || (mode !== undefined && mode !== 'ro' && mode !== 'rw'))
    throw new InvalidArgumentError('It is SOURCE:TARGET or SOURCE:TARGET:ro, the target absolute.');
  return [...known, { source, target, ...(mode === 'ro' ? { read_only: true } : {}) }];
}

/** `host`, `user@host`, `user@host:port`, `[::1]:22`. */
function parseHost(value: string): NonNullable<PlaceOptions['host']> {
  const match = /^(?:([^@\s]+)@)?(?:\[([^\]\s]+)\]|([^@:\s]+))(?::(\d+))?$/.exec(value);
  const host = match?.[2] ?? match?.[3];
  const port = match?.[4] === undefined ? undefined : Number(match[4]);
  if (host === undefined || (port !== undefined && (port < 1 || port > 65_535)))
    throw new InvalidArgumentError('It is [user@]host[:port]; an IPv6 address is in brackets.');
  return { host, ...(match?.[1] === undefined ? {} : { user: match[1] }), ...defined({ port }) };
}
