import type { Console } from '../console.ts';
import type { ClientOptions } from '../context.ts';
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
 * Prints the address of the portal, with the token and the project, for a browser (SPEC {#cli_portal}). It starts none: what is
 * on a command line can be read by everybody on the machine, and the token would be there.
 */
export async function portal(console: Console, options: PortalOptions): Promise<number> {
  const { url, tokens } = locatePort(options, console.env, '/');
  await console.out.write(`${portalAddress(url, { token: tokens[0], project: projectOf(options.project).root, run: options.run })}\n`);
  return EXIT.ok;
}
