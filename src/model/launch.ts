import type { ProducerSpec } from './records.ts';

/** Shells that a command line can be given to (SPEC {#backend_process}). */
export const SHELLS = ['sh', 'bash', 'login'] as const;

export type Shell = (typeof SHELLS)[number];

/**
 * What is executed for a command: its array as it is, or the shell with the command line. `line` stands in for the command line where
 * one simple command is to take the place of its shell. A login shell is bash where `shell` says no more, since `sh -l` reads no
 * profile of bash.
 */
export function launchArgv(spec: Pick<ProducerSpec, 'command' | 'argv' | 'shell' | 'line'>): readonly string[] {
  if (spec.argv) return spec.argv;
  const line = spec.line ?? spec.command;
  if (spec.shell === 'bash') return ['bash', '-c', line];
  return spec.shell === 'login' ? ['bash', '-l', '-c', line] : ['/bin/sh', '-c', line];
}
