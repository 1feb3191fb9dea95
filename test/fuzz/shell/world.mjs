import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What no line may show: it stands in files that are secret or outside of the project. */
const MARK = 'MARK-7261';
const SHELLS = ['dash', 'bash', 'busybox'];
const TOOLS =
  'cat head tail ls sort uniq tree find grep wc cut tr od xxd nl stat diff cmp rev tac du file strings join paste fold jq basename dirname realpath sed awk env nice timeout nohup setsid stdbuf xargs tee time true false sleep which printf echo test'.split(
    ' ',
  );

/** A throw-away folder with a project, programs and canaries, in which lines are run for real; nothing in PATH deletes or moves anything. */
export class World {
  #base = mkdtempSync(join(tmpdir(), 'headgate-fuzz-'));
  #places = join(this.#base, 'places');

  constructor() {
    const applets = new Set(spawnSync('busybox', ['--list']).stdout.toString().split('\n'));
    for (const variant of ['gnu', 'busybox'])
      for (const shell of SHELLS) {
        const bin = join(this.#base, variant, shell);
        mkdirSync(bin, { recursive: true });
        for (const tool of TOOLS) {
          const real = ['/usr/bin', '/bin'].map((folder) => join(folder, tool)).find(existsSync);
          const path = variant === 'busybox' && applets.has(tool) ? '/bin/busybox' : real;
          if (path) symlinkSync(path, join(bin, tool));
        }
        symlinkSync('/bin/busybox', join(bin, 'busybox'));
        symlinkSync('/bin/bash', join(bin, 'bash'));
        symlinkSync(`/bin/${shell}`, join(bin, 'sh'));
        for (const [name, text] of [
          ['canary', `echo sang >> '${this.#places}/canary'`],
          ['tool', 'for word; do echo "<$word>"; done'],
        ]) {
          writeFileSync(join(bin, name), `#!/bin/dash\n${text}\n`);
          chmodSync(join(bin, name), 0o755);
        }
      }
    this.#make();
  }

  /** The project's root. */
  get root() {
    return join(this.#places, 'project');
  }

  #make() {
    rmSync(this.#places, { recursive: true, force: true });
    mkdirSync(join(this.root, 'src'), { recursive: true });
    for (const [name, text] of Object.entries({
      'a.ts': 'one two\nb: a/b [x]\n',
      'b.ts': 'two\n{"a": 1}\n',
      'src/c.ts': 'three\n',
      'README.md': '# read\n',
      '.env': `KEY=${MARK}\n`,
      '../outside': `${MARK}\n`,
    }))
      writeFileSync(join(this.root, name), text);
    symlinkSync('../outside', join(this.root, 'link'));
  }

  /** Runs a line under one shell and one set of tools. `harm` is what it did or showed that it must not. */
  run(line, shell, variant) {
    const bin = join(this.#base, variant, shell);
    const before = this.#seen();
    const { stdout, stderr, status, signal } = spawnSync(join(bin, 'sh'), ['-c', line], {
      cwd: this.root,
      env: { PATH: bin, HOME: this.#places, LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 5000,
      maxBuffer: 4 * 1024 * 1024,
    });
    const out = stdout?.toString() ?? '';
    const after = this.#seen();
    const harm = after === before ? undefined : 'it changed files or ran the canary';
    if (harm) this.#make();
    const shown = `${out}${stderr?.toString() ?? ''}`.includes(MARK) ? 'it showed what is secret or outside' : undefined;
    // Of a line that goes on until it is stopped, how much it prints is chance.
    return { harm: harm ?? shown, outcome: JSON.stringify([signal === null ? out.split('\n').sort() : [], status, signal]) };
  }

  /** All that can be changed, as text. */
  #seen() {
    return readdirSync(this.#places, { recursive: true })
      .sort()
      .map((name) => {
        const path = join(this.#places, name);
        const { mode } = lstatSync(path);
        const kind = mode & 0o170000;
        return `${name} ${mode} ${kind === 0o100000 ? readFileSync(path, 'latin1') : kind === 0o120000 ? readlinkSync(path) : ''}`;
      })
      .join('\n');
  }

  close() {
    rmSync(this.#base, { recursive: true, force: true });
  }
}

export { SHELLS };
