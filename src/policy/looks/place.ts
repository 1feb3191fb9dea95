import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ShellCommand } from '../shell/command.ts';
import { VERSIONS } from './programs.ts';

/** Programs that would run or write something with another option, or for a setting of the project: only a sandbox holds them to looking. */
const NEED_SANDBOX = new Set([
  'git',
  'rg',
  'sed',
  'awk',
  'gawk',
  'mawk',
  'find',
  'sort',
  'tree',
  'file',
  'uniq',
  'xxd',
  'strings',
  ...VERSIONS,
]);
/** Of the shell itself, wherever PATH leads. */
const OF_SHELL = new Set(['cd', '[', 'test', ':', 'true', 'false', 'echo', 'printf', 'pwd', 'type', 'command']);

/** What is known of where a line runs. */
interface Where {
  readonly inSandbox?: boolean;
  readonly projectPath?: readonly string[];
  readonly cwd: string;
  /** Beside commands that a rule allows, with their PATH. */
  readonly looksBeside?: true;
}

/** Why a command that only looks is asked about where it would run (SPEC {#looks_place}). */
export function placeProblem({ words }: ShellCommand, { inSandbox, projectPath = [], cwd, looksBeside }: Where): string | undefined {
  const name = words[0]?.text ?? '';
  if (inSandbox === false && NEED_SANDBOX.has(name)) {
    const none = looksBeside ? 'what a rule allows beside it runs without a sandbox' : 'there is none here (headgate doctor says why)';
    return `${name} looks unasked only in a sandbox, and ${none}`;
  }
  if (!looksBeside || OF_SHELL.has(name)) return undefined;
  const own = projectPath.find((folder) => existsSync(resolve(cwd, folder, name)));
  return own === undefined
    ? undefined
    : `PATH finds ${name.slice(0, 60)} in ${own.slice(0, 80) || 'an empty folder'}, which may be the project's`;
}
