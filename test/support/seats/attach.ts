import { shellQuote } from '../../../src/core/shell-quote.ts';
import { MAIN } from '../built-server.ts';
import { cli, cliEnv } from '../cli.ts';
import type { Gate } from '../gate.ts';
import type { LiveServer } from '../live-server.ts';
import { Terminal } from '../tmux.ts';
import type { Command, Output, Seat } from './seat.ts';

/** `headgate attach` in a terminal that is high enough for all of the run, over a unix socket. */
export class AttachSeat implements Seat {
  readonly by = /^cli:\d+$/;
  readonly gate: Gate;
  readonly #run: string;
  readonly #options: { cwd: string; env: NodeJS.ProcessEnv };
  readonly #terminal: Terminal;

  private constructor(gate: Gate, run: string, options: { cwd: string; env: NodeJS.ProcessEnv }) {
    this.gate = gate;
    this.#run = run;
    this.#options = options;
    this.#terminal = new Terminal({ ...options, env: cliEnv(options), cols: 110, rows: 330 });
  }

  static async open(gate: Gate, { root }: LiveServer, socket: string, run: string): Promise<AttachSeat> {
    const seat = new AttachSeat(gate, run, { cwd: root, env: { NO_COLOR: '1', HEADGATE_SOCKET: socket } });
    seat.#terminal.type([process.execPath, MAIN, 'attach', run].map(shellQuote).join(' '));
    await seat.#terminal.see(/q leave/);
    return seat;
  }

  async propose(command: string): Promise<void> {
    // It may learn later than others that the run is idle; until then p tells the model something.
    await this.#terminal.see(/^ \S+(?:: .*?)? {2}(?!running \(102\)|waiting \(202\))\S+ \(\d+\)/m);
    this.#terminal.keys('p');
    await this.#terminal.see(/^prompt: /m);
    this.#terminal.type(`sh: ${command}`);
  }

  async proposed(command: Command): Promise<void> {
    await this.#row(command, '[?]', 'waits for you');
  }

  async accept(command: Command): Promise<void> {
    await this.#terminal.see(new RegExp(`^> [?] ${literal(command)} .*waits for you[\\s\\S]* a accept`, 'm'));
    this.#terminal.press('a');
  }

  async answered(command: Command, by: RegExp): Promise<void> {
    await this.#row(command, '[$!-]', '(running|exit|cancelled)');
    // The details of what is selected, which is the newest, say who it was.
    await this.#terminal.see(new RegExp(`accepted by ${by.source.replaceAll(/[$^]/g, '')}`));
  }

  async running(command: Command): Promise<void> {
    await this.#row(command, '[$]', 'running');
  }

  async cancel(): Promise<void> {
    this.#terminal.press('c');
  }

  async cancelled(command: Command): Promise<void> {
    await this.#row(command, '-', '(cancelled|aborted)');
  }

  /** A terminal holds no bytes: the command line reads them, over the same socket. */
  async output({ path }: Command): Promise<Output> {
    const read = async (channel: string) => (await cli(['output', this.#run, path, '--channel', channel], this.#options)).stdout;
    return { stdout: await read('1'), stderr: await read('2') };
  }

  /** What is on the screen, once this is a line of it. */
  see(line: string): Promise<string> {
    return this.#terminal.see(new RegExp(`^${line}$`, 'm'));
  }

  async lost(): Promise<void> {
    await this.#terminal.see(/connection lost/);
  }

  async watch(command: Command): Promise<void> {
    // What is selected by hand stays so, whatever comes.
    const selected = new RegExp(`^> [$] ${literal(command)} `, 'm');
    this.#terminal.press('k');
    await this.#terminal.see(selected);
  }

  async lines(_: Command, last: string) {
    const screen = await this.#terminal.see(new RegExp(`^${last}$`, 'm'));
    return { first: 1, lines: screen.split('\n').filter((line) => /^line \d+$/.test(line)) };
  }

  async times(command: Command): Promise<number> {
    return this.#terminal.screen().match(new RegExp(`^[> ] [?$!·-] ${literal(command)} `, 'gm'))?.length ?? 0;
  }

  async close(): Promise<void> {
    this.#terminal.close();
  }

  async #row(command: Command, glyph: string, state: string): Promise<void> {
    await this.#terminal.see(new RegExp(`^[> ] ${glyph} ${literal(command)} .*${state}`, 'm'));
  }
}

function literal({ command }: Command): string {
  return command.replaceAll('.', '\\.');
}
