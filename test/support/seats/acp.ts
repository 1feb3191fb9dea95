import { vi } from 'vitest';
import { AcpEditor, type Asked, type ShownCall } from '../acp-editor.ts';
import { runOf } from '../acp-suite.ts';
import type { Gate } from '../gate.ts';
import type { LiveServer } from '../live-server.ts';
import { type Command, type Output, type Seat, SOON } from './seat.ts';

/** Numbers in circles: what the command writes to stderr, and nothing else of it. A terminal of ACP has no channels. */
const CIRCLED = /[\u2460-\u24ff]/gu;

/** An editor that speaks ACP with `headgate acp`, over a unix socket. */
export class AcpSeat implements Seat {
  readonly by = /^acp:test-editor$/;
  readonly gate: Gate;
  readonly run: string;
  /** How its own prompts were answered, in order. */
  readonly stops: Promise<string>[] = [];
  readonly #editor: AcpEditor;
  readonly #sessionId: string;
  readonly #questions = new Map<string, Asked>();

  private constructor(gate: Gate, editor: AcpEditor, sessionId: string) {
    this.gate = gate;
    this.#editor = editor;
    this.#sessionId = sessionId;
    this.run = runOf(sessionId);
  }

  /** Opens a session, and so the run that all take part in. */
  static async open(gate: Gate, { root, data }: LiveServer, socket: string, model: string): Promise<AcpSeat> {
    const editor = new AcpEditor([], { cwd: root, data, env: { HEADGATE_SOCKET: socket } });
    await editor.initialize({ _meta: { terminal_output: true } });
    return new AcpSeat(gate, editor, await editor.open(root, model));
  }

  async propose(command: string): Promise<void> {
    const stopped = this.#editor.prompt(this.#sessionId, `sh: ${command}`);
    stopped.catch(() => {});
    this.stops.push(stopped);
  }

  async proposed({ path }: Command): Promise<void> {
    this.#questions.set(path, await this.#editor.question(path));
  }

  async accept({ path }: Command): Promise<void> {
    this.#questions.get(path)?.choose('allow_once');
    this.#questions.delete(path);
  }

  async answered({ path }: Command): Promise<void> {
    // Its own answer was taken away when it was given.
    const question = this.#questions.get(path);
    if (question) await vi.waitUntil(() => question.withdrawn, SOON);
    await this.#call(path, ({ status }) => status !== 'pending');
  }

  async running({ path }: Command): Promise<void> {
    await this.#call(path, ({ status }) => status === 'in_progress');
  }

  async cancel(): Promise<void> {
    await this.#editor.cancel(this.#sessionId);
  }

  async cancelled({ path }: Command): Promise<void> {
    await this.#call(path, ({ status, rawOutput }) => status === 'failed' && rawOutput['status'] === 499);
  }

  async output({ path }: Command): Promise<Output> {
    const { terminal } = await this.#call(path, ({ exit }) => exit !== undefined);
    return { stdout: Buffer.from(terminal.replaceAll(CIRCLED, '')), stderr: Buffer.from(terminal.match(CIRCLED)?.join('') ?? '') };
  }

  async lost(): Promise<void> {
    await vi.waitUntil(() => this.gate.live === 0, SOON);
  }

  async watch(): Promise<void> {}

  async lines({ path }: Command, last: string) {
    const { terminal } = await this.#call(path, (call) => call.terminal.endsWith(`${last}\n`));
    return { first: 1, lines: terminal.trimEnd().split('\n') };
  }

  async times({ path }: Command): Promise<number> {
    return this.#find(path)?.announced ?? 0;
  }

  async close(): Promise<void> {
    await this.#editor.close();
  }

  #find(path: string): ShownCall | undefined {
    return this.#editor.calls(this.#sessionId).find(({ toolCallId }) => toolCallId === path);
  }

  async #call(path: string, test: (call: ShownCall) => boolean): Promise<ShownCall> {
    let call: ShownCall | undefined;
    await vi
      .waitUntil(() => {
        call = this.#find(path);
        return call !== undefined && test(call);
      }, SOON)
      .catch(() => {
        throw new Error(`never came: ${test}\nlast: ${JSON.stringify(call)?.slice(0, 4000)}\n${this.#editor.err}`);
      });
    return call as ShownCall;
  }
}
