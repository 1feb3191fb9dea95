import { readdirSync, readFileSync } from 'node:fs';

/** A command line of the kind that people type. */
export interface Line {
  readonly title: string;
  readonly text: string;
  readonly shell: 'sh' | 'bash';
  /** Needs programs of a whole machine: not for a container of busybox. */
  readonly here: boolean;
  /** Runs also where a start takes long. */
  readonly everywhere: boolean;
}

const FOLDER = new URL('.', import.meta.url);
/** What these ask is answered by the place; what the others ask, mostly by the shell and the programs. */
const ABOUT_THE_PLACE = ['attributes.txt', 'bytes.txt', 'processes.txt', 'redirections.txt'];
const HEADER = /^=== (.*)\n/m;

/**
 * All lines of the `.txt` files beside this one. Each begins with `=== TITLE`, then `| bash` where bash is its shell, or `| here` where it
 * needs programs that busybox does not have. What it prints must be the same each time: no process numbers, no times, no names of folders.
 */
export function corpus(): Line[] {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith('.txt'));
  return files.sort().flatMap((name) => linesOf(readFileSync(new URL(name, FOLDER), 'utf8'), ABOUT_THE_PLACE.includes(name) ? 1 : 4));
}

/** `share`: one in so many of them runs in every place. */
function linesOf(text: string, share: number): Line[] {
  const parts = text.split(HEADER).slice(1);
  return Array.from({ length: parts.length / 2 }, (_, i) => {
    const [title = '', mark = ''] = (parts[2 * i] ?? '').split(' | ');
    const shell = mark === 'bash' ? 'bash' : 'sh';
    return { title, text: (parts[2 * i + 1] ?? '').replace(/\n+$/, ''), shell, here: mark !== '', everywhere: i % share === 0 };
  });
}
