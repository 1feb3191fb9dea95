import { constants } from 'node:os';
import { join } from 'node:path';
import { HeadgateError } from '../../core/errors.ts';
import { shellQuote } from '../../core/shell-quote.ts';
import { SYSTEM_PATH } from '../../core/system-path.ts';
import { replaceFile } from '../../core/whole-file.ts';
import { launchArgv } from '../../model/launch.ts';
import type { ProducerSpec } from '../../model/records.ts';
import { type Bubblewrap, type FoundBubblewrap, findBubblewrap, RESET_SIGNALS, system } from './bubblewrap.ts';
import { existing, hiddenPlaces, privatePlaces } from './hidden-places.ts';
import { mountArguments } from './mounts.ts';
import { noKeyrings } from './system-calls.ts';

/** Every signal that can be ignored, except SIGCHLD, by which bubblewrap learns of the command's end. */
const IGNORED = Object.entries(constants.signals)
  .filter(([name, number]) => !['SIGKILL', 'SIGSTOP', 'SIGCHLD', 'SIGCONT'].includes(name) && number < 32)
  .map(([, number]) => number);

/** How long it is believed that a project can be had in a sandbox (milliseconds): every command asks, and `box` looks again at each. */
const TAKEN_MS = 1000;

/** A command in a sandbox, as the shim is to run it. */
export interface Boxed {
  readonly command: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Puts commands of this machine into sandboxes (SPEC {#sandbox}). */
export class Sandboxes {
  readonly #hidden: readonly string[];
  readonly #folders: readonly string[] | undefined;
  readonly #homes: readonly string[] | undefined;
  #found: Bubblewrap | undefined;
  #taken: { readonly root: string; readonly at: number; readonly takes: boolean } | undefined;

  /**
   * `hidden`: what a command must not see beside the usual secrets, such as the data folder. `folders`: where bubblewrap
   * is looked for, instead of the system's. `homes`: whose secrets are hidden, instead of this user's.
   */
  constructor(options: {
    readonly hidden: readonly string[];
    readonly folders?: readonly string[] | undefined;
    readonly homes?: readonly string[];
  }) {
    this.#hidden = options.hidden;
    this.#homes = options.homes;
    this.#folders = options.folders;
  }

  /** Bubblewrap, or why there can be no sandbox here. */
  async find(): Promise<Bubblewrap> {
    // A refusal is not kept: its reader installs what is missing.
    if (this.#found && 'path' in this.#found) return this.#found;
    this.#found = await findBubblewrap(this.#folders);
    return this.#found;
  }

  /** Throws `unsupported` with what to do where there can be no sandbox. */
  async require(): Promise<FoundBubblewrap> {
    const found = await this.find();
    if ('path' in found) return found;
    throw new HeadgateError('unsupported', `the command was not started, since there is no sandbox here: ${found.reason}`, {
      outcome: 'unsupported',
    });
  }

  /**
   * What the shim runs so that the command runs in the sandbox of its spec, with `variables` as its environment. The
   * shim itself, which is outside, gets none of them: what a command may choose must decide nothing there. Writes the
   * files `sandbox` and `filter` into the producer folder, since arguments can be read by every user and variables may be secrets.
   * Throws `forbidden` for a project that cannot be had in a sandbox.
   */
  box(
    bubblewrap: FoundBubblewrap,
    spec: ProducerSpec & Required<Pick<ProducerSpec, 'sandbox'>>,
    folder: string,
    variables: Readonly<Record<string, string>>,
    marker: Readonly<Record<string, string>>,
  ): Boxed {
    const { sandbox, cwd } = spec;
    const args = [
      ...bubblewrap.isolation,
      ...(sandbox.network ? [] : ['--unshare-net']),
      ...system(),
      ...this.#mounts(sandbox),
      ...Object.entries({ ...variables, ...marker }).flatMap(([name, value]) => ['--setenv', name, value]),
      '--chdir',
      cwd,
    ];
    const file = join(folder, 'sandbox');
    // A shim that another server has begun may be reading them.
    replaceFile(file, args.map((arg) => `${arg}\0`).join(''));
    const filter = join(folder, 'filter');
    replaceFile(filter, noKeyrings());
    const argv = launchArgv(spec);
    // `env` takes what holds a `=` for a variable.
    const program = argv[0]?.includes('=') ? ['/bin/sh', '-c', 'exec "$@"', 'sh'] : [];
    const inside = [...RESET_SIGNALS, ...program, ...argv].map(shellQuote).join(' ');
    return {
      command: `trap '' ${IGNORED.join(' ')}; exec ${bubblewrap.path} --args 9 --seccomp 8 -- ${inside} 9< ${shellQuote(file)} 8< ${shellQuote(filter)}`,
      env: { ...marker, PATH: SYSTEM_PATH },
    };
  }

  /** True when a command that only looks can be had in a sandbox of the project at `root`; as of a moment ago. */
  takes(root: string): boolean {
    const now = performance.now();
    if (this.#taken?.root !== root || now - this.#taken.at > TAKEN_MS) this.#taken = { root, at: now, takes: this.#mountable(root) };
    return this.#taken.takes;
  }

  #mountable(root: string): boolean {
    try {
      this.#mounts({ mode: 'read-only', network: false, root });
      return true;
    } catch {
      return false;
    }
  }

  #mounts(sandbox: Required<ProducerSpec>['sandbox']): string[] {
    const hidden = hiddenPlaces(this.#hidden, this.#homes);
    return mountArguments({ ...sandbox, hidden, own: existing(this.#hidden), privates: privatePlaces() });
  }
}
