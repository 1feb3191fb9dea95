import { endWord } from '../../../src/rpc/client/index.ts';
import { durationWord } from '../ui/words.ts';
import type { Command } from './command-watch.ts';

/** How a command stands, for people. */
export interface CommandState {
  readonly kind: 'running' | 'good' | 'bad' | 'still';
  readonly text: string;
  /** It has not ended. */
  readonly isLive: boolean;
}

/** What to say of a command; `now` is what its running time is told by. */
export function stateOf(command: Command, now: number): CommandState {
  const { state, startedAt } = command;
  switch (state) {
    case 'queued':
      return { kind: 'still', text: command.waits_for === null ? 'queued' : `waits for ${command.waits_for}`, isLive: true };
    case 'running':
      return { kind: 'running', text: startedAt === null ? 'running' : `running for ${durationWord(now - startedAt)}`, isLive: true };
    case 'cancelling':
      return { kind: 'still', text: state, isLive: false };
    default: {
      const { status } = command;
      return { kind: status === 200 ? 'good' : status === 499 ? 'still' : 'bad', text: endWord(command), isLive: false };
    }
  }
}
