/** Where a producer is on its host; the folder of its files is ROOT/RUNNER/ID there. */
export interface RemotePlace {
  /** Folder for all of Headgate's files there; empty for the host's usual place (`~/.headgate`, SPEC {#shell_hosts}). */
  readonly root: string;
  /** Id of this runner, whose producers have a folder of their own. */
  readonly runner: string;
  readonly producerId: string;
}

/** The arguments that every script takes after the nonce. */
export function placeArgs({ root, runner, producerId }: RemotePlace): [string, string, string] {
  return [root, runner, producerId];
}
