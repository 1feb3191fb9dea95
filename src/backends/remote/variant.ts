import type { HeadgateError } from '../../core/errors.ts';
import type { EndMark } from '../shim/end-mark.ts';
import type { ShellHost } from './shell-host.ts';

/** A way to run a command on a shell host in which another program there, such as tmux, starts the command's shim. */
export interface RemoteVariant {
  /**
   * The script that runs instead of the shim, as `sh LAUNCHER FOLDER` in the command's directory. It makes the other program start
   * a shim, which claims the folder, or writes to the file `refused` in FOLDER one line that says why no shim will start.
   */
  readonly launcher: string;
  /** Variables of the launcher; the command does not get them. */
  readonly variables: Readonly<Record<string, string>>;
  /** The script that writes to the command's standard input; it reads and prints the records of INPUT_SH. */
  readonly inputText: string;
  /** Marks the end of channel 1 if the output passes through a program instead of a pipe of the kernel. */
  readonly endMark?: EndMark;
  /** The error for the line of the file `refused`, in words; undefined if the launcher did not write them. */
  refusal(host: ShellHost, words: readonly string[]): HeadgateError | undefined;
}
