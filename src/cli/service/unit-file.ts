import { join } from 'node:path';
import { homeFolder } from '../../core/home-folder.ts';
import type { Console } from '../console.ts';

/** Name of the service. */
export const UNIT = 'headgate.service';

/** Where the unit of the machine, or of the user's own manager, lies. */
export function unitFile(console: Pick<Console, 'env'>, { user }: { readonly user?: boolean }): string {
  if (!user) return join('/etc/systemd/system', UNIT);
  return join(console.env['XDG_CONFIG_HOME'] || join(homeFolder(console.env), '.config'), 'systemd/user', UNIT);
}
