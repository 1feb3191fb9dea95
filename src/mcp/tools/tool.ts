import type { McpServer, ServerContext } from '@modelcontextprotocol/server';
import type { Runtime } from '../../rpc/client/index.ts';
import type { Link } from '../link.ts';

/** What the tools are registered with. */
export interface ToolKit {
  readonly server: McpServer;
  readonly link: Link;
}

/** What a handler of a tool is given by the protocol. */
export type ToolContext = ServerContext;

/** The runtime and the run of this session's commands; refuses before the first command, where nothing can be meant. */
export async function ownCommands({ link }: ToolKit): Promise<{ runtime: Runtime; run: string }> {
  const runtime = await link.runtime();
  const run = await link.ownRun();
  if (run === undefined) throw new Error('this session has started no command yet; sh starts one');
  return { runtime, run };
}
