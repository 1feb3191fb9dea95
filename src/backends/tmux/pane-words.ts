import { HeadgateError } from '../../core/errors.ts';

/** How long the end of a watch is waited for once its pipe is taken away (milliseconds). */
export const UNPIPED_MS = 3000;

/** Why the end of a command's output is not there. */
export const CUT = 'another program took over the pipe of its tmux pane while it ran; what it wrote after that is not known';

/** The refusal of another size for a watched pane. */
export function notResizable(): HeadgateError {
  return new HeadgateError('unsupported', 'a watched pane has the size that its own viewers give it; resize it in tmux');
}

/** The refusal of an end of input for a watched pane: typed, it would end the user's shell. */
export function notEndable(): HeadgateError {
  return new HeadgateError('unsupported', 'no end of input is typed into a watched pane; send byte 4, as Ctrl-D does, if that is meant');
}

/** The refusal of a signal to a watched pane. */
export function notSignallable(name: string): HeadgateError {
  return new HeadgateError('unsupported', `the command in a watched pane is not ours to signal; type into it, or send ${name} on its host`);
}
