import { type Ending, endWord } from '../../../src/rpc/client/index.ts';

export { formatBytes as bytesWord, formatDuration as durationWord } from '../../../src/core/measures.ts';

/** How a status is shown: its word and its tone, which is a colour. */
export interface StatusWord {
  readonly word: string;
  readonly tone: Tone;
}

export type Tone = 'idle' | 'live' | 'wait' | 'good' | 'bad' | 'stopped';

/** The word for the status of a run or an entry; of what is over how it ended (SPEC {#end_words}). */
export function statusWord(ending: Ending): StatusWord {
  const { status } = ending;
  switch (status) {
    case 100:
      return { word: 'queued', tone: 'idle' };
    case 102:
      return { word: 'running', tone: 'live' };
    case 202:
      return { word: 'needs an answer', tone: 'wait' };
    case 200:
      return { word: endWord(ending), tone: 'good' };
    default:
      return { word: endWord(ending), tone: status === 403 || status === 409 || status === 499 ? 'stopped' : 'bad' };
  }
}

/** The same for a run: one at 100 has not been given anything to do yet. */
export function runWord(status: number, outcome: string | null): StatusWord {
  return status === 100 ? { word: 'new', tone: 'idle' } : statusWord({ status, outcome: status === 200 ? null : outcome });
}

/** `12 s`, `3 min`, `5 h`, `2 d`. */
export function ageWord(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** `1,234` up to 9,999, then `12.3 k`. */
export function countWord(count: number): string {
  if (count < 10_000) return count.toLocaleString('en');
  return count < 1_000_000 ? `${(count / 1000).toFixed(1)} k` : `${(count / 1_000_000).toFixed(2)} M`;
}
