import { readdirSync, readFileSync } from 'node:fs';

/** A process that carries a mark in its environment. */
export interface MarkedProcess {
  readonly pid: number;
  readonly command: string;
}

/**
 * The live processes that were started with `entry` (`NAME=value`) in their environment, without this one and without
 * vitest's own workers. Reads /proc; where there is none the list is empty.
 */
export function markedProcesses(entry: string): MarkedProcess[] {
  return pids().flatMap((pid) => {
    if (pid === process.pid || !read(`/proc/${pid}/environ`).split('\0').includes(entry)) return [];
    const command = read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim();
    return command === '' || isWorker(pid, command) ? [] : [{ pid, command }];
  });
}

function isWorker(pid: number, command: string): boolean {
  const parent = /^PPid:\s*(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1];
  return Number(parent) === process.pid && /vitest\/dist\/workers\//.test(command);
}

function pids(): number[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    return [];
  }
}

/** Empty for a process that is gone meanwhile or belongs to somebody else. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
