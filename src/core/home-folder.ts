import { homedir, userInfo } from 'node:os';

/** The user's home folder: HOME, else that of the user's account, also where HOME is there and empty. */
export function homeFolder(env: Readonly<NodeJS.ProcessEnv>): string {
  return env['HOME'] || homedir() || userInfo().homedir;
}
