/**
 * Where programs that this process runs for itself are looked for. Not in its own PATH: that can name a folder of the
 * project, as `npx` makes it, and a command in a sandbox can put programs there (SPEC {#sandbox}).
 */
export const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin';
