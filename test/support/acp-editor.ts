import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Readable, Writable } from 'node:stream';
import {
  type ClientCapabilities,
  type ClientConnection,
  type ClientContext,
  type ContentBlock,
  type CreateElicitationRequest,
  type CreateElicitationResponse,
  client,
  methods,
  ndJsonStream,
  type RequestPermissionRequest,
  type SessionUpdate,
  type Stream,
  type ToolCallContent,
} from '@agentclientprotocol/sdk';
import { vi } from 'vitest';
import { MAIN } from './built-server.ts';
import { cliEnv } from './cli.ts';

type Updates = { sessionId: string; update: SessionUpdate }[];

/** A tool call as an editor has it after all updates. */
export interface ShownCall {
  readonly toolCallId: string;
  readonly title: string;
  readonly kind: string;
  readonly status: string;
  readonly statuses: string[];
  readonly content: ToolCallContent[];
  readonly rawOutput: Record<string, unknown>;
  readonly rawInput: Record<string, unknown>;
  readonly locations: { path: string }[];
  /** How often it was announced. */
  readonly announced: number;
  /** What came for its terminal, and how that ended. */
  readonly terminal: string;
  readonly exit: { exit_code: number | null; signal: string | null } | undefined;
}

/** A question of the agent that an editor has on its screen. */
export interface Asked {
  readonly params: RequestPermissionRequest;
  readonly withdrawn: boolean;
  choose(optionId: string): void;
  /** Its user closes it without an answer. */
  dismiss(): void;
}

/** An editor: the SDK's own client on the standard input and output of the built `headgate acp`. */
export class AcpEditor {
  readonly agent: ClientContext;
  readonly updates: Updates;
  readonly asked: Asked[];
  readonly forms: CreateElicitationRequest[];
  /** How its user fills in forms. */
  answerForm: (form: CreateElicitationRequest) => CreateElicitationResponse = () => ({ action: 'cancel' });
  readonly #connection: ClientConnection;
  #child: ReturnType<typeof spawn> | undefined;
  #err = '';

  /** Over the agent's standard input and output, with these arguments, or over a stream of messages. */
  constructor(args: readonly string[] | Stream, options: { cwd: string; data?: string; env?: NodeJS.ProcessEnv }) {
    const stream = 'readable' in args ? args : this.#spawn(args, options);
    const updates: Updates = [];
    const asked: Asked[] = [];
    this.updates = updates;
    this.asked = asked;
    this.forms = [];
    this.#connection = client({ name: 'test editor' })
      .onNotification(methods.client.session.update, ({ params }) => void updates.push(params))
      .onRequest(methods.client.session.requestPermission, ({ params, signal }) => {
        return new Promise((resolve, reject) => {
          const one = {
            params,
            withdrawn: false,
            choose: (optionId: string) => resolve({ outcome: { outcome: 'selected', optionId } }),
            dismiss: () => resolve({ outcome: { outcome: 'cancelled' } }),
          };
          signal.addEventListener('abort', () => {
            one.withdrawn = true;
            reject(signal.reason as Error);
          });
          asked.push(one);
        });
      })
      .onRequest(methods.client.elicitation.create, ({ params }) => {
        this.forms.push(params);
        return this.answerForm(params);
      })
      .connect(stream);
    this.agent = this.#connection.agent;
  }

  #spawn(args: readonly string[], options: { cwd: string; data?: string; env?: NodeJS.ProcessEnv }): Stream {
    const child = spawn(process.execPath, [MAIN, 'acp', ...args], {
      cwd: options.cwd,
      env: cliEnv(options),
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    child.stderr.on('data', (bytes: Buffer) => {
      this.#err += bytes.toString();
    });
    this.#child = child;
    return ndJsonStream(
      Writable.toWeb(child.stdin) as WritableStream<Uint8Array>,
      Readable.toWeb(child.stdout) as ReadableStream<Uint8Array>,
    );
  }

  /** Process number of its agent. */
  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** What it printed on standard error. */
  get err(): string {
    return this.#err;
  }

  initialize(clientCapabilities: ClientCapabilities = {}) {
    const clientInfo = { name: 'test-editor', version: '1' };
    return this.agent.request(methods.agent.initialize, { protocolVersion: 1, clientCapabilities, clientInfo });
  }

  /** Opens a session; of a model, when one is named. */
  async open(cwd: string, model?: string): Promise<string> {
    const { sessionId } = await this.agent.request(methods.agent.session.new, { cwd, mcpServers: [] });
    if (model !== undefined)
      await this.agent.request(methods.agent.session.setConfigOption, { sessionId, configId: 'model', value: model });
    return sessionId;
  }

  async prompt(sessionId: string, text: string): Promise<string> {
    const prompt: ContentBlock[] = [{ type: 'text', text }];
    return (await this.agent.request(methods.agent.session.prompt, { sessionId, prompt })).stopReason;
  }

  cancel(sessionId: string): Promise<void> {
    return this.agent.notify(methods.agent.session.cancel, { sessionId });
  }

  /** The next question that waits: about this tool call, when one is named. */
  async question(toolCallId?: string): Promise<Asked> {
    const find = () => this.asked.find(({ params }) => toolCallId === undefined || params.toolCall.toolCallId === toolCallId);
    await vi.waitUntil(() => find() !== undefined, { timeout: 20_000, interval: 10 });
    const found = find() as Asked;
    this.asked.splice(this.asked.indexOf(found), 1);
    return found;
  }

  /** Messages of one kind in a session, joined. */
  text(sessionId: string, kind: 'agent_message_chunk' | 'user_message_chunk' | 'agent_thought_chunk' = 'agent_message_chunk'): string {
    return this.of(sessionId)
      .flatMap((update) => (update.sessionUpdate === kind && update.content.type === 'text' ? [update.content.text] : []))
      .join('');
  }

  of(sessionId: string): SessionUpdate[] {
    return this.updates.filter((one) => one.sessionId === sessionId).map(({ update }) => update);
  }

  /** Every tool call of a session, as it stands. */
  calls(sessionId: string): ShownCall[] {
    const calls = new Map<string, Record<string, unknown>>();
    for (const update of this.of(sessionId)) {
      if (update.sessionUpdate !== 'tool_call' && update.sessionUpdate !== 'tool_call_update') continue;
      const { toolCallId, _meta, ...rest } = update;
      const before = calls.get(toolCallId) ?? { announced: 0, terminal: '', statuses: [], content: [] };
      const { terminal_output: output, terminal_exit: exit } = (_meta ?? {}) as {
        terminal_output?: { data: string };
        terminal_exit?: { exit_code: number | null; signal: string | null };
      };
      calls.set(toolCallId, {
        ...before,
        ...Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined)),
        toolCallId,
        announced: (before['announced'] as number) + (update.sessionUpdate === 'tool_call' ? 1 : 0),
        terminal: (before['terminal'] as string) + (output?.data ?? ''),
        statuses: [...(before['statuses'] as string[]), ...(update.status ? [update.status] : [])],
        exit: exit ?? before['exit'],
      });
    }
    return [...calls.values()] as unknown as ShownCall[];
  }

  /** The tool call of this tool, once there is one that satisfies the test. */
  async call(sessionId: string, tool: string, test: (call: ShownCall) => boolean = () => true): Promise<ShownCall> {
    const find = () => this.calls(sessionId).find((call) => call.toolCallId.includes(`/${tool}/`) && test(call));
    await vi.waitUntil(() => find() !== undefined, { timeout: 20_000, interval: 10 });
    return find() as ShownCall;
  }

  /** Forgets what it was asked and shown, for the next test. */
  clear(): void {
    this.updates.length = 0;
    this.asked.length = 0;
    this.forms.length = 0;
  }

  /** The editor goes; resolves with the exit code of its agent. */
  async close(): Promise<number | null> {
    if (!this.#child) {
      this.#connection.close();
      await this.#connection.closed;
      return null;
    }
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return this.#child.exitCode;
    const exit = once(this.#child, 'exit');
    this.#child.stdin?.end();
    const [code] = (await exit) as [number | null];
    this.#connection.close();
    return code;
  }
}

/** The text of a tool call's content, joined. */
export function contentText({ content }: Pick<ShownCall, 'content'>): string {
  return content.flatMap((one) => (one.type === 'content' && one.content.type === 'text' ? [one.content.text] : [])).join('\n');
}
