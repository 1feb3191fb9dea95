import type { Console } from './console.ts';
import { locate, type ServerOptions } from './locate.ts';
import { projectOf } from './project.ts';
import { Session } from './session.ts';

/** Options that every client command has. */
export interface ClientOptions extends ServerOptions {
  readonly project?: string;
}

/** Opens the session of a client command; `resume` makes it outlive a restart of the server. */
export function openSession(console: Console, options: ClientOptions, how: { resume?: boolean; project?: boolean } = {}): Promise<Session> {
  return Session.open({
    locate: () => locate(options, console.env),
    version: console.version,
    ...(how.project === false ? {} : { project: projectOf(options.project) }),
    ...(how.resume ? { resume: (notice: string) => void console.err.write(`headgate: ${notice}\n`) } : {}),
  });
}
