import { z } from 'zod';
import { HeadgateError } from '../core/errors.ts';

/** Backends that a command may name (SPEC {#backends}). */
export const BACKENDS = ['process', 'pty', 'tmux', 'container', 'ssh'] as const;
export type BackendName = (typeof BACKENDS)[number];

const name = z
  .string()
  .min(1)
  .max(256)
  .regex(/^[^\0\n]+$/, 'must be one line');
const file = z
  .string()
  .min(1)
  .max(4096)
  .regex(/^[^\0\n]+$/, 'must be one line');

/** Pixels of a terminal's window, for programs that draw pictures in it. */
export const pixels = z.int().min(0).max(65_535);

/** A window's size in pixels. */
export interface PixelSize {
  readonly width: number;
  readonly height: number;
}

/** The size in pixels that fields of the wire name; undefined when none does. */
export function pixelSize(of: { pixel_width?: number | undefined; pixel_height?: number | undefined }): PixelSize | undefined {
  const { pixel_width: width = 0, pixel_height: height = 0 } = of;
  return width === 0 && height === 0 ? undefined : { width, height };
}

/** A terminal that a command runs in (SPEC {#terminals}). */
export const terminal = z.strictObject({
  term: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$/, 'must be a terminal type, such as xterm-256color')
    .default('xterm-256color'),
  cols: z.int().min(1).max(1000).default(80),
  rows: z.int().min(1).max(1000).default(24),
  pixel_width: pixels.optional(),
  pixel_height: pixels.optional(),
  modes: z
    .record(z.string().max(32), z.union([z.boolean(), z.int().min(0).max(0xffff_ffff)]))
    .optional()
    .describe('Modes of RFC 4254 by name, such as {"ECHO": 0, "ICRNL": 1}; flags only, others are ignored.'),
});

/** A host that is reached over SSH, from the runner (SPEC {#backend_ssh}). */
export const sshPlace = z.strictObject({
  host: name.describe('Name or address, or a `Host` of ~/.ssh/config.'),
  port: z.int().min(1).max(65_535).optional(),
  user: name.optional(),
  identity: file.optional().describe("File of a private key on the runner's machine. Default: the agent, then the usual key files."),
  known_hosts: file.optional().describe('File of known host keys. Default ~/.ssh/known_hosts.'),
  jump: z.array(name).max(4).optional().describe('Hosts to go through, `[user@]host[:port]`, the first one first.'),
});

/** A container: a new one of `image`, or one that is there (SPEC {#backend_container}). */
export const containerPlace = z.strictObject({
  image: name.optional().describe('Run the command in a new container of this image.'),
  container: name.optional().describe('Id or name of a running container: run the command in it, or watch it.'),
  watch: z.enum(['logs', 'attach']).optional().describe('Run nothing: follow the logs of `container`, or attach to it.'),
  host: name.optional().describe('unix:///path, tcp://host:port or ssh://[user@]host. Default: DOCKER_HOST, then the usual sockets.'),
  tls: file.optional().describe('Folder with ca.pem, cert.pem and key.pem for tcp://.'),
  name: name.optional().describe('Name of the new container.'),
  user: name.optional(),
  network: name.optional().describe('`none`, `host`, `bridge` or the name of a network.'),
  memory: z
    .int()
    .min(6 * 1024 * 1024)
    .optional()
    .describe('Bytes.'),
  cpus: z.number().min(0.01).max(1024).optional(),
  pids: z.int().min(1).max(4_194_304).optional(),
  mounts: z
    .array(z.strictObject({ source: file, target: file, read_only: z.boolean().optional() }))
    .max(32)
    .optional(),
  read_only: z.boolean().optional().describe('The root file system of the new container is read-only.'),
  pull: z.enum(['missing', 'always', 'never']).optional().describe('Default missing.'),
});

/** A tmux server of the runner's machine, or of `ssh` (SPEC {#backend_tmux}). */
export const tmuxPlace = z.strictObject({
  session: name.optional().describe('Run in a new window of this session; made when it is not there. Default: headgate.'),
  pane: name.optional().describe('Watch this pane, such as %3 or work:1.0; nothing is run.'),
  socket: file.optional().describe('Name (-L) or, with a slash, path (-S) of the tmux server.'),
  history: z.int().min(0).max(1_000_000).optional().describe('Lines of history before the watch began. Default: all that tmux has.'),
});

/** What a local command may touch (SPEC {#sandbox}). */
export const sandbox = z.strictObject({
  mode: z.enum(['workspace', 'read-only']).describe('`workspace`: the project root is writable; `read-only`: nothing is.'),
  network: z.boolean().default(false),
});

/** Where and how a command runs, as `sh`, `env` and `tty/open` name it. */
export const placeParams = {
  backend: z
    .string()
    .min(1)
    .max(32)
    .optional()
    .describe(
      '`process` (or `local`), `pty`, `tmux`, `container` (or `docker`) or `ssh`. Default: by what is named below, else `process`.',
    ),
  tty: z.union([z.boolean(), terminal]).optional().describe('A terminal instead of pipes; `true`: xterm-256color, 80 x 24.'),
  container: containerPlace.optional(),
  ssh: sshPlace.optional().describe('Also with `container` or `tmux`: on that host.'),
  tmux: tmuxPlace.optional(),
  sandbox: sandbox.optional(),
};

const placeRequest = z.object(placeParams);

export type PlaceRequest = z.input<typeof placeRequest>;
export type Terminal = z.output<typeof terminal>;
export type SshPlace = z.output<typeof sshPlace>;
export type ContainerPlace = z.output<typeof containerPlace>;
export type TmuxPlace = z.output<typeof tmuxPlace>;
export type Sandbox = z.output<typeof sandbox>;

/** Where a command runs, whole and consistent. */
export interface Place {
  readonly backend: BackendName;
  readonly tty?: Terminal;
  readonly container?: ContainerPlace;
  readonly ssh?: SshPlace;
  readonly tmux?: TmuxPlace;
  readonly sandbox?: Sandbox;
}

/**
 * The place that a request names. Throws `unsupported` for a backend that does not exist and `invalid_params` for
 * parts that do not go together (SPEC {#places}).
 */
export function placeOf(request: PlaceRequest): Place {
  const { container, ssh, tmux, sandbox: box } = request;
  const named = request.backend === undefined ? undefined : (OTHER_NAMES[request.backend] ?? request.backend);
  const backend = named ?? (container ? 'container' : tmux ? 'tmux' : ssh ? 'ssh' : 'process');
  if (!isBackend(backend)) {
    throw new HeadgateError('unsupported', `no backend "${backend}"; this version has ${BACKENDS.join(', ')}`, {
      field: 'backend',
      backend,
    });
  }
  if (container && backend !== 'container') throw mixed('container', `backend "${backend}" takes no container; leave one of them out`);
  if (tmux && backend !== 'tmux') throw mixed('tmux', `backend "${backend}" takes no tmux; leave one of them out`);
  if (ssh && (backend === 'process' || backend === 'pty'))
    throw mixed('ssh', `backend "${backend}" runs on the runner's machine; leave ssh or backend out`);
  if (backend === 'ssh' && !ssh) throw mixed('ssh', 'backend "ssh" needs a host: ssh: {"host": "build.example"}');
  if (backend === 'container') checkContainer(container);
  if (box && backend !== 'process' && backend !== 'pty')
    throw mixed('sandbox', "a sandbox is for commands on the runner's machine; leave it out");
  const wantsTty = request.tty ?? backend === 'pty';
  if (backend === 'pty' && !wantsTty) throw mixed('tty', 'backend "pty" is a terminal; leave tty: false or the backend out');
  const tty = wantsTty === false ? undefined : terminal.parse(wantsTty === true ? {} : wantsTty);
  return {
    backend,
    ...(tty ? { tty } : {}),
    ...(container ? { container: containerPlace.parse(container) } : {}),
    ...(ssh ? { ssh: sshPlace.parse(ssh) } : {}),
    ...(tmux ? { tmux: tmuxPlace.parse(tmux) } : {}),
    ...(box ? { sandbox: sandbox.parse(box) } : {}),
  };
}

/** The channels that a command of this place fills (SPEC {#places}). */
export function channelsOf({ backend, tty, container }: Place): readonly number[] {
  const output = tty || backend === 'tmux' ? [1] : [1, 2];
  return backend === 'container' && container?.image !== undefined ? [...output, 3] : output;
}

/** True when its working directory is one of the project: it runs on the machine that the project is on. */
export function isLocal({ backend, ssh }: Place): boolean {
  return (backend === 'process' || backend === 'pty' || backend === 'tmux') && !ssh;
}

/** What else the backends are called (SPEC {#places}). */
const OTHER_NAMES: Readonly<Record<string, BackendName>> = { local: 'process', docker: 'container' };

/** What stands for a command where nothing is run but something watched; undefined when a command is needed. */
export function watchTitle({ container, tmux }: Pick<Place, 'container' | 'tmux'>): string | undefined {
  if (container?.watch !== undefined) return `docker ${container.watch} ${container.container}`;
  return tmux?.pane === undefined ? undefined : `tmux pipe-pane -t ${tmux.pane}`;
}

/** True for an existing tmux pane that is watched: it gets input only on request (SPEC {#backend_tmux}). */
export function watchesPane({ tmux }: { readonly tmux?: { readonly pane?: string | undefined } | undefined }): boolean {
  return tmux?.pane !== undefined;
}

function checkContainer(container: PlaceRequest['container']): void {
  const { image, container: known, watch } = container ?? {};
  if ((image === undefined) === (known === undefined)) {
    throw mixed('container', 'backend "container" needs either an image or a running container: container: {"image": "debian:12"}');
  }
  if (watch !== undefined && known === undefined)
    throw mixed('container', 'only a container that is there can be watched; name it with container');
}

function isBackend(value: string): value is BackendName {
  return (BACKENDS as readonly string[]).includes(value);
}

function mixed(field: string, message: string): HeadgateError {
  return new HeadgateError('invalid_params', message, { field });
}
