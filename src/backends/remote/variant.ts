import type { HeadgateError } from '../../core/errors.ts';
import type { EndMark } from '../shim/end-mark.ts';
import type { ShellHost } from './shell-host.ts';

/** Another way to run a command on a shell host than in a session of its own: somebody else there starts its shim. */
export interface RemoteVariant {
  /**
   * Stands in the place of the shim, `sh LAUNCHER FOLDER`, in the asked directory: has a shim started that claims the folder,
   * or says in its file `refused`, in one line, why there will be none.
   */
  readonly launcher: string;
  /** The launcher's variables. They are not those of the command. */
  readonly variables: Readonly<Record<string, string>>;
  /** The script of the command's standard input, which says and takes what INPUT_TEXT does. */
  readonly inputText: string;
  /** Stands in channel 1 where it ends, when others than the kernel carry the output. */
  readonly endMark?: EndMark;
  /** The named error for what the launcher has said; undefined for words that are not its own. */
  refusal(host: ShellHost, words: readonly string[]): HeadgateError | undefined;
}
