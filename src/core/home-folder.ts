import { homedir, userInfo } from 'node:os';

/** The user's home folder: HOME, else that of the user's account, also where HOME is there and empty. */
export function homeFolder(env: Readonly<NodeJS.ProcessEnv>): string {
  return env['HOME'] || homedir() || userInfo().homedir;
}

/** Every home folder of the user: HOME can name another one than that of the account, where the keys are. */
export function homeFolders(): string[] {
  try {
    return [homedir(), userInfo().homedir];
  } catch {
    // A user without an entry in the system's list.
    return [homedir()];
  }
}
