import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A program that was really run: its name and its words. */
export type Ran = readonly string[];

/**
 * Real shells whose only programs are stubs that note how they were called. `run` returns what a script has run under each shell.
 * The scripts run in an empty folder, with nothing else in PATH.
 */
export function recordingShell(names: readonly string[], shells: readonly string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'headgate-shell-'));
  const bin = join(folder, 'bin');
  const log = join(folder, 'log');
  mkdirSync(bin);
  const stub = join(folder, 'stub');
  // One write a call, so that commands in the background do not mix; builtins only, as there is nothing else in PATH.
  writeFileSync(stub, `#!/bin/dash\nline="\${0##*/}"\nfor word; do line="$line\x1f$word"; done\nprintf '%s\\036' "$line" >> '${log}'\n`);
  chmodSync(stub, 0o755);
  for (const name of names) symlinkSync(stub, join(bin, name));
  // Called sh, bash is the shell that it is where /bin/sh is bash.
  const links = shells.map((shell) => {
    const at = join(folder, `as-${shell}`);
    mkdirSync(at);
    symlinkSync(`/bin/${shell}`, join(at, 'sh'));
    return join(at, 'sh');
  });
  const run = (script: string): Ran[][] =>
    links.map((shell) => {
      const cwd = join(folder, 'cwd');
      rmSync(cwd, { recursive: true, force: true });
      mkdirSync(cwd);
      writeFileSync(log, '');
      spawnSync(shell, ['-c', script], { cwd, env: { PATH: bin, HOME: cwd }, stdio: ['ignore', 'pipe', 'pipe'], timeout: 10_000 });
      return readFileSync(log, 'utf8')
        .split('\x1e')
        .filter((line) => line !== '')
        .map((line) => line.split('\x1f'));
    });
  return { run, close: () => rmSync(folder, { recursive: true, force: true }) };
}
