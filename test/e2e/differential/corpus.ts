import { readFileSync } from 'node:fs';

/** A command line of the kind that people type. */
export interface Line {
  readonly title: string;
  readonly text: string;
  readonly shell: 'sh' | 'bash';
  /** Needs programs of a whole machine: not for a container of busybox. */
  readonly here: boolean;
  /** One simple command that a signal ends: of that the shell says nothing, whose place the program takes (SPEC {#backend_process}). */
  readonly alone: boolean;
  /** Runs also where a start takes long. */
  readonly everywhere: boolean;
}

const FOLDER = new URL('.', import.meta.url);
/** One in so many lines of each file runs in every place: what some ask is answered by the place, what others ask mostly by the shell. */
const SHARES: Readonly<Record<string, number>> = {
  'attributes.txt': 1,
  'redirections.txt': 1,
  'bytes.txt': 2,
  'processes.txt': 2,
  'programs.txt': 5,
  'shells.txt': 5,
};
const HEADER = /^=== (.*)\n/m;

/**
 * All lines of the `.txt` files beside this one. Each begins with `=== TITLE`, then marks after a bar: `bash` where bash is its shell,
 * `here` where it needs programs that busybox does not have, `alone` as {@link Line} says. What it prints must be the same each time: no
 * process numbers, no times, no names of folders.
 */
export function corpus(): Line[] {
  return Object.entries(SHARES).flatMap(([name, share]) => linesOf(readFileSync(new URL(name, FOLDER), 'utf8'), share));
}

function linesOf(text: string, share: number): Line[] {
  const parts = text.split(HEADER).slice(1);
  return Array.from({ length: parts.length / 2 }, (_, i) => {
    const [title = '', marks = ''] = (parts[2 * i] ?? '').split(' | ');
    const has = (mark: string) => marks.split(' ').includes(mark);
    const shell = has('bash') ? 'bash' : 'sh';
    const line = { title, text: (parts[2 * i + 1] ?? '').replace(/\n+$/, ''), shell, alone: has('alone') } as const;
    return { ...line, here: has('here') || has('bash'), everywhere: i % share === 0 };
  });
}
