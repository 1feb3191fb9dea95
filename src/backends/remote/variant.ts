import type { HeadgateError } from '../../core/errors.ts';
import type { EndMark } from '../shim/end-mark.ts';
import type { ShellHost } from './shell-host.ts';

/** Another way to run a command on a shell host than in a session of its own: another program there starts its shim. */
export interface RemoteVariant {
  /**
   * Runs instead of the shim as `sh LAUNCHER FOLDER`, in the command's directory: it has a shim started that claims the folder,
   * or writes one line to the file `refused` in FOLDER that says why none will start.
   */
  readonly launcher: string;
  /** The launcher's variables. They are not those of the command. */
  readonly variables: Readonly<Record<string, string>>;
  /** The script that writes to the command's standard input; it reads and prints the records of INPUT_SH. */
  readonly inputText: string;
  /** Marks the end of channel 1 where another program than the kernel carries the output. */
  readonly endMark?: EndMark;
  /** The named error for what the launcher has said; undefined for words that are not its own. */
  refusal(host: ShellHost, words: readonly string[]): HeadgateError | undefined;
}
