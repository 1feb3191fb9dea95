import { closeSync, readdirSync, readFileSync } from 'node:fs';

/** Node.js and its libraries open every file so that programs they start do not have it (O_CLOEXEC, open(2)); its octal value in fdinfo. */
const CLOSE_ON_EXEC = 0o2000000;

/**
 * Closes the files that the parent of this process left open for it, so that no command inherits them (SPEC {#backend_process}). Files that
 * one of `words`, the arguments of this process, names as `/dev/fd/N` or `/proc/self/fd/N` stay. Does nothing where there is no /proc.
 */
export function closeInheritedFiles(words: readonly string[] = []): void {
  let numbers: string[];
  try {
    numbers = readdirSync('/proc/self/fd');
  } catch {
    return;
  }
  const named = new Set([...words.join(' ').matchAll(/\/fd\/(\d+)/g)].map(([, number]) => number));
  for (const number of numbers) {
    if (Number(number) <= 2 || named.has(number)) continue;
    try {
      const [, flags = ''] = /^flags:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${number}`, 'latin1')) ?? [];
      if (flags !== '' && (Number.parseInt(flags, 8) & CLOSE_ON_EXEC) === 0) closeSync(Number(number));
    } catch {
      // The file through which the folder was read, which is closed by now.
    }
  }
}
