import { McpServer, type McpServerFactory } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import type { Runtime } from '../rpc/client/index.ts';
import { Link } from './link.ts';
import { channelResources } from './resources.ts';
import { commandTools } from './tools/command.ts';
import { controlTools } from './tools/control.ts';
import { getTool } from './tools/get.ts';
import { listTool } from './tools/list.ts';
import { Updates } from './updates.ts';

/** What a model is told of the server as a whole. */
const INSTRUCTIONS = `Runs commands that outlive this session, keeps all of their output, and shows people what runs. sh runs a command; a person may
have to accept it first. What takes longer than its yield_ms goes on: wait, get, cancel and list reach it by the path that sh returned.`;

export interface McpServeOptions {
  /** Opens the runtime in the name of a client; called when it is first needed, and again when it has ended. */
  readonly open: (client: string) => Promise<Runtime>;
  /** Run of the commands; left out: one of the session, named after the client. */
  readonly run?: string;
  readonly version: string;
}

/** Serves MCP on standard input and output until the client closes them (SPEC {#mcp_server}). Commands go on. */
export async function serveMcp(options: McpServeOptions): Promise<void> {
  const links: Link[] = [];
  const factory: McpServerFactory = ({ era }) => {
    const { server, link } = build(options, era);
    links.push(link);
    return server;
  };
  const gone = new Promise<void>((resolve) => {
    process.stdin.once('end', resolve);
    process.stdin.once('close', resolve);
  });
  const handle = serveStdio(factory);
  await gone;
  await handle.close();
  await Promise.all(links.map((link) => link.close()));
}

function build(options: McpServeOptions, era: 'legacy' | 'modern'): { server: McpServer; link: Link } {
  const server = new McpServer(
    { name: 'headgate', title: 'Headgate', version: options.version },
    { instructions: INSTRUCTIONS, capabilities: { tools: {}, resources: { subscribe: true, listChanged: true } } },
  );
  const subscribed = new Set<string>();
  // Since the revision of 2026 the library filters by what a client listens to.
  const updates = new Updates(server, (uri) => era === 'modern' || subscribed.has(uri));
  const link: Link = new Link(
    options,
    () => server.server.getClientVersion()?.name,
    (runtime) => void updates.follow(runtime, (event) => link.take(event)),
  );
  const kit = { server, link };
  commandTools(kit);
  getTool(kit);
  controlTools(kit);
  listTool(kit);
  channelResources(server, link, subscribed);
  return { server, link };
}
