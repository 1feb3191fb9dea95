import { join } from 'node:path';
import { homeFolders } from '../../core/home-folder.ts';
import { realPath } from '../../core/real-path.ts';

/** Folders and files below a home directory that hold keys, tokens, passwords or what was typed (SPEC {#sandbox}). */
const IN_HOME = [
  '.ssh',
  '.gnupg',
  '.aws',
  '.azure',
  '.kube',
  '.docker',
  '.password-store',
  '.vault-token',
  '.netrc',
  '.npmrc',
  '.pypirc',
  '.pgpass',
  '.my.cnf',
  '.git-credentials',
  '.cargo/credentials',
  '.cargo/credentials.toml',
  '.gem/credentials',
  '.terraform.d',
  '.config/gh',
  '.config/glab-cli',
  '.config/hub',
  '.config/gcloud',
  '.config/git/credentials',
  '.config/containers',
  '.config/rclone',
  '.config/sops',
  '.config/op',
  '.colima',
  '.lima',
  '.orbstack',
  '.rd',
  '.config/google-chrome',
  '.config/chromium',
  '.mozilla',
  '.local/share/keyrings',
  '.local/share/headgate',
  '.bash_history',
  '.zsh_history',
  '.python_history',
  '.node_repl_history',
  '.psql_history',
];

/** The system's own; a server that runs as root could read them. */
const OF_SYSTEM = [
  '/etc/shadow',
  '/etc/shadow-',
  '/etc/gshadow',
  '/etc/gshadow-',
  '/etc/ssl/private',
  '/etc/ssh',
  '/etc/sudoers',
  '/etc/sudoers.d',
];

/** Folders in which programs have their sockets and temporary files: a command in a sandbox has empty ones of its own. */
export const PRIVATE = ['/tmp', '/var/tmp', '/run', '/var/run'];

/** What of this machine a sandbox hides, with symbolic links resolved; only what is there. */
export function hiddenPlaces(own: readonly string[], homes: readonly string[] = homeFolders()): string[] {
  return existing([...homes.flatMap((home) => IN_HOME.map((name) => join(home, name))), ...OF_SYSTEM, ...own]);
}

/** Folders that are private to a sandbox, with symbolic links resolved; only those that are there. */
export function privatePlaces(): string[] {
  return existing(PRIVATE);
}

/** Those that are there, with symbolic links resolved. */
export function existing(paths: readonly string[]): string[] {
  // What is not there, or not to be reached, the command cannot reach either.
  return [...new Set(paths.map(realPath).filter((path) => path !== undefined))];
}
