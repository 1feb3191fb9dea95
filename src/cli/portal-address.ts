import { defined } from '../core/defined.ts';

/** What a link to the portal takes along. */
export interface PortalLink {
  readonly token?: string | undefined;
  /** Root folder of the project. */
  readonly project?: string | undefined;
  readonly run?: string | undefined;
}

/**
 * The portal of a server. Token and project stand behind the `#`, which a browser does not send (SPEC {#portal_access}).
 *
 * @param server - any URL of the server, a WebSocket's too
 */
export function portalAddress(server: string, { token, project, run }: PortalLink): string {
  const address = new URL('/portal/', server);
  address.protocol = address.protocol.replace(/^ws/, 'http');
  const keys = new URLSearchParams({
    ...defined({ token, project }),
    ...(run === undefined ? {} : { to: `/runs/${encodeURIComponent(run)}` }),
  });
  address.hash = keys.toString();
  return address.href;
}
