import type { CallToolResult, Tool } from '@modelcontextprotocol/client';
import { messageOf } from '../../core/errors.ts';
import type { Plugin, PluginContext, ToolDefinition } from '../../hooks/plugin.ts';
import type { ProducerIo, ProducerResult } from '../../hooks/producer.ts';
import type { McpServerSettings } from '../../model/mcp-servers.ts';
import { McpConnection } from './connection.ts';
import { toolNames } from './tool-names.ts';

/** How long servers that are being connected to for the first time are waited for, by all turns together. */
const FIRST_CONNECT_MS = 4000;
/** How long a turn waits for the result of a call. */
const YIELD_MS = 60_000;
const DESCRIPTION_CHARS = 8192;

export interface McpOptions {
  readonly servers: Readonly<Record<string, McpServerSettings>>;
  /** What a relative `cwd` begins at. */
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  readonly version: string;
}

/** Tools of MCP servers as tools of models, each call a proposal and a producer (SPEC {#mcp}). */
export function mcp(options: McpOptions): Plugin {
  return {
    name: 'mcp',
    setup(context) {
      const servers = new Map(
        Object.entries(options.servers).map(([name, settings]) => [name, new Server(context, name, settings, options)]),
      );
      context.producer({
        kind: 'mcp',
        channels: { 1: 'result', 2: 'progress', 3: 'structured result' },
        start: (input, io) => call(servers, input, io),
      });
      // Before the first turn is asked; later ones, and every action, find them or do not.
      let waited: Promise<unknown> | undefined;
      context.filter(
        'tools.offered',
        async (names, { mode, settings }) => {
          const first = [...servers.values()].map((server) => server.firstAttempt);
          waited ??= Promise.race([Promise.all(first), new Promise((done) => setTimeout(done, FIRST_CONNECT_MS).unref())]);
          await waited;
          const fitting = [...servers.values()].flatMap((server) => server.offered(mode, settings));
          return [...names.filter((name) => !name.startsWith('mcp__')), ...fitting.sort()];
        },
        { priority: 100 },
      );
      context.on('loop.started', ({ projectId, run }) => {
        for (const server of servers.values()) server.tellProblem({ projectId, run });
      });
      context.dispose(async () => void (await Promise.all([...servers.values()].map((server) => server.close()))));
    },
  };
}

/** One server with the tools that it has brought. */
class Server {
  readonly #context: PluginContext;
  readonly #name: string;
  readonly #only: ReadonlySet<string> | undefined;
  readonly #web: boolean;
  readonly #connection: McpConnection;
  #registered = new Map<string, { readonly facts: string; readonly readOnly: boolean; readonly web: boolean; remove(): void }>();
  readonly #told = new Set<string>();
  readonly firstAttempt: Promise<void>;

  constructor(context: PluginContext, name: string, settings: McpServerSettings, { folder, env, version }: McpOptions) {
    this.#context = context;
    this.#name = name;
    this.#only = settings.tools && new Set(settings.tools);
    this.#web = settings.url !== undefined;
    this.#connection = new McpConnection({
      name,
      settings,
      folder,
      env,
      logger: context.logger,
      client: { name: 'headgate', version },
      tools: (tools) => this.#take(tools),
    });
    this.firstAttempt = this.#connection.settled();
  }

  get connection(): McpConnection {
    return this.#connection;
  }

  /** Names of its tools that a loop of this mode and these settings may use. */
  offered(mode: 'ask' | 'act', settings: { readonly noWeb?: boolean; readonly noProposals?: boolean }): string[] {
    if (settings.noProposals) return [];
    const all = [...this.#registered].filter(([, { readOnly, web }]) => (mode === 'act' || readOnly) && !(settings.noWeb && web));
    return all.map(([name]) => name);
  }

  /** Tells a project's people once that the server is not there, and why. */
  tellProblem(scope: { projectId: number; run: string }): void {
    const { problem } = this.#connection;
    const key = `${scope.projectId} ${problem ?? ''}`;
    if (problem === undefined || this.#told.has(key)) return;
    this.#told.add(key);
    this.#context.notify(scope, 'warn', `the MCP server "${this.#name}" cannot be reached: ${problem}; its tools are missing until it can`);
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  /** Makes the tools of models those that the server has now. */
  #take(tools: readonly Tool[]): void {
    const wanted = tools.filter(({ name }) => this.#only?.has(name) ?? true);
    const names = toolNames(
      this.#name,
      wanted.map(({ name }) => name),
    );
    const now = new Map(wanted.map((tool) => [names.get(tool.name) ?? '', tool]));
    for (const [name, known] of [...this.#registered]) {
      const tool = now.get(name);
      if (tool && known.facts === JSON.stringify(tool)) continue;
      known.remove();
      this.#registered.delete(name);
    }
    for (const [name, tool] of now) {
      if (this.#registered.has(name)) continue;
      try {
        const remove = this.#context.tool(definitionOf(this.#context, this.#name, name, tool));
        const { readOnlyHint, openWorldHint } = tool.annotations ?? {};
        this.#registered.set(name, {
          facts: JSON.stringify(tool),
          readOnly: readOnlyHint === true,
          web: this.#web || openWorldHint === true,
          remove,
        });
      } catch (error) {
        this.#context.logger.warn({ mcp: this.#name, tool: tool.name, error: messageOf(error) }, 'a tool of an MCP server is left out');
      }
    }
  }
}

function definitionOf({ z }: PluginContext, server: string, name: string, tool: Tool): ToolDefinition {
  const { type: _, ...schema } = tool.inputSchema;
  return {
    name,
    doc: `${tool.description ?? tool.title ?? tool.name}`.slice(0, DESCRIPTION_CHARS),
    // The server checks what it is given; models see its own schema.
    params: z.looseObject({}),
    inputSchema: { type: 'object', ...schema },
    traits: ['proposes'],
    summary: (input) => title(server, tool.name, input as Record<string, unknown>),
    handler: (input) => {
      const args = input as Record<string, unknown>;
      const command = title(server, tool.name, args);
      return {
        kind: 'proposal',
        summary: command,
        subject: JSON.stringify(args),
        yieldMs: YIELD_MS,
        attributes: { mcp: { server, tool: tool.name } },
        producer: { backend: 'mcp', runner: 'server', spec: { input: { server, tool: tool.name, arguments: args }, command } },
      };
    },
  };
}

function title(server: string, tool: string, args: Readonly<Record<string, unknown>>): string {
  const text = JSON.stringify(args);
  return `${server}: ${tool} ${text.length > 200 ? `${text.slice(0, 200)} ...` : text}`;
}

async function call(
  servers: ReadonlyMap<string, Server>,
  input: Readonly<Record<string, unknown>>,
  io: ProducerIo,
): Promise<ProducerResult> {
  const { server: name, tool, arguments: args } = input as { server: string; tool: string; arguments: Record<string, unknown> };
  const server = servers.get(name);
  if (!server) throw new Error(`the configuration has no MCP server "${name}" any more`);
  // Progress is written in order, and before the result.
  let written = Promise.resolve();
  const result = await server.connection.call({
    tool,
    arguments: args,
    signal: io.signal,
    progress: ({ progress, total, message }) => {
      const line = `${progress}${total === undefined ? '' : `/${total}`}${message === undefined ? '' : ` ${message}`}\n`;
      written = written.then(() => io.write(2, line)).catch(() => {});
    },
  });
  await written;
  await io.write(1, resultText(result.content));
  if (result.structuredContent !== undefined) await io.write(3, `${JSON.stringify(result.structuredContent)}\n`);
  return result.isError ? { exitCode: 1, outcome: 'tool_error' } : {};
}

type Block = CallToolResult['content'][number];

/** A result's content as text: parts that are not text are described. Ends with a line end unless empty. */
function resultText(content: readonly Block[]): string {
  const lines = content.map(blockText).join('\n');
  return lines === '' || lines.endsWith('\n') ? lines : `${lines}\n`;
}

function blockText(block: Block): string {
  switch (block.type) {
    case 'text':
      return block.text;
    case 'image':
    case 'audio':
      return `[${block.type}, ${block.mimeType}, ${decodedBytes(block.data)} bytes]`;
    case 'resource_link':
      return `[resource ${block.uri}${block.description === undefined ? '' : `: ${block.description}`}]`;
    case 'resource': {
      const { resource } = block;
      if ('text' in resource) return `[resource ${resource.uri}]\n${resource.text}`;
      return `[resource ${resource.uri}, ${resource.mimeType ?? 'binary'}, ${decodedBytes(resource.blob)} bytes]`;
    }
    default:
      return `[content of an unknown kind: ${JSON.stringify(block).slice(0, 200)}]`;
  }
}

function decodedBytes(base64: string): number {
  return Buffer.from(base64, 'base64').length;
}
