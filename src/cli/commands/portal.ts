import type { Console } from '../console.ts';
import { bringServer, type ClientOptions } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { locatePort } from '../locate.ts';
import { portalAddress } from '../portal-address.ts';
import { projectOf } from '../project.ts';

/** Options of `headgate portal`. */
export interface PortalOptions extends ClientOptions {
  /** Page of this run. */
  readonly run?: string;
}

/**
 * Prints the address of the portal, with the token and the project, for a browser (SPEC {#cli_portal}). It opens no browser, `headgate open` does: what is
 * on a command line can be read by everybody on the machine, and the token would be there.
 */
export async function portal(console: Console, options: PortalOptions): Promise<number> {
  await bringServer(console, options);
  await console.out.write(`${addressOf(console, options)}\n`);
  return EXIT.ok;
}

/** The portal's address, with the token and the project. Throws a CliError with exit code 3 where no server runs. */
export function addressOf(console: Console, options: PortalOptions): string {
  const { url, tokens } = locatePort(options, console.env, '/');
  return portalAddress(url, { token: tokens[0], project: projectOf(options.project).root, run: options.run });
}
