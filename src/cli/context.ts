import { defined } from '../core/defined.ts';
import { connectRuntime, type Runtime, type Transport } from '../rpc/client/index.ts';
import type { ProjectRef } from '../rpc/node/index.ts';
import type { Console } from './console.ts';
import { dial } from './dial.ts';
import { ensureServer } from './ensure-server.ts';
import { locate, type ServerOptions } from './locate.ts';
import { projectOf } from './project.ts';

/** How long a command that resumes looks for its server again. */
const RESUME_MS = 30_000;

/** Options that every client command has. */
export interface ClientOptions extends ServerOptions {
  readonly project?: string;
}

/**
 * Opens the runtime that a client command drives (SPEC {#cli_resume}). `resume` makes it outlive a restart of the server, and is told
 * of it; true says so on standard error. `name` is what other clients see, `dial` another way to the server. Throws a
 * CliError with exit code 3 when nothing answers.
 */
export async function openSession(
  console: Console,
  options: ClientOptions,
  how: {
    resume?: boolean | ((notice: string, isOpen: boolean) => void);
    /** False: bound to none; else this one, by the name that the server knows it by. */
    project?: boolean | ProjectRef;
    name?: string;
    dial?: () => Promise<Transport>;
    /** Starts a server where none runs (SPEC {#cli_ensure}). */
    start?: boolean;
  } = {},
): Promise<Runtime> {
  if (how.start) await bringServer(console, options);
  // Found again after every loss: a restarted server may listen elsewhere.
  const runtime = await connectRuntime(how.dial ?? (async () => await dial(locate(options, console.env))), {
    client: { ...clientOf(console), ...defined({ name: how.name }) },
    giveUpMs: how.resume ? RESUME_MS : 0,
    ...(how.project === false ? {} : { project: typeof how.project === 'object' ? how.project : projectOf(options.project) }),
  });
  const say = (notice: string) => void console.err.write(`headgate: ${notice}\n`);
  if (how.resume) {
    const tell = how.resume === true ? say : how.resume;
    runtime.onConnection(({ open, final }) => {
      if (final) return;
      const notice = open ? 'connected again' : 'connection to the server lost; commands go on there. Waiting for it ...';
      tell(notice, open);
    });
  }
  return runtime;
}

/** Starts a server where none runs, and says so: it goes on when this command has ended (SPEC {#cli_ensure}). */
export async function bringServer(console: Console, options: ServerOptions): Promise<void> {
  const started = () => void console.err.write('headgate: started a server; it goes on, and headgate stop ends it\n');
  await ensureServer(options, { ...console, started });
}

/** How this process is called in what the server tells others. */
export function clientOf(console: Console): { name: string; version: string } {
  return { name: `cli:${process.pid}`, version: console.version };
}
