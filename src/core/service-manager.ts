import { spawn } from 'node:child_process';
import { SYSTEM_PATH } from './system-path.ts';

/** Variables by which systemd says where it is told, and how often it wants to be. */
const VARIABLES = ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID'];

/** The service manager that has started this process. */
export interface ServiceManager {
  /** The service can be used; from now on the manager gets a sign of life, where it asks for one. */
  ready(): Promise<void>;
  /** The service ends in order. */
  stopping(): Promise<void>;
}

/**
 * The service manager that waits to be told, by sd_notify(3): undefined where none does (SPEC {#service}). What it is told is sent by the program
 * `systemd-notify`: Node.js has no datagram sockets of the kind that is due. Its variables are taken out of `env`, so that no command
 * passes for the service.
 *
 * @param failed - called with the reason whenever it could not be told
 */
export function serviceManager(env: NodeJS.ProcessEnv, failed: (why: string) => void): ServiceManager | undefined {
  const [socket, usec, pid] = VARIABLES.map((name) => env[name]);
  for (const name of VARIABLES) delete env[name];
  if (!socket) return undefined;
  let timer: NodeJS.Timeout | undefined;
  const tell = (...facts: string[]) => notify(socket, facts).catch((error: unknown) => failed(String(error)));
  return {
    ready: async () => {
      await tell('READY=1', `MAINPID=${process.pid}`);
      const everyMs = Number(usec) / 1000 / 2;
      const isOurs = pid === undefined || Number(pid) === process.pid;
      // From the event loop: a server whose loop stands still gives no sign of life.
      if (everyMs > 0 && isOurs) timer = setInterval(() => void tell('WATCHDOG=1'), everyMs).unref();
    },
    stopping: async () => {
      clearInterval(timer);
      await tell('STOPPING=1');
    },
  };
}

/** Rejects with what the program said when it could not send. */
function notify(socket: string, facts: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const sender = spawn('systemd-notify', [...facts], {
      env: { PATH: SYSTEM_PATH, NOTIFY_SOCKET: socket },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    sender.stderr.on('data', (bytes: Buffer) => {
      said += bytes.toString();
    });
    sender.once('error', reject);
    sender.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`systemd-notify: ${said.trim() || `exit ${code}`}`))));
  });
}
