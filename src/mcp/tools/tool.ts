import type { McpServer, ServerContext, ToolAnnotations } from '@modelcontextprotocol/server';
import type { z } from 'zod';
import type { Runtime } from '../../rpc/client/index.ts';
import type { Link } from '../link.ts';
import { type Answer, failure, outputOf, resultOf } from '../results.ts';

/** What the tools are registered with. */
export interface ToolKit {
  readonly server: McpServer;
  readonly link: Link;
}

/** What a handler of a tool is given by the protocol. */
export type ToolContext = ServerContext;

/** How a tool is listed for clients; `facts` is the schema of the data that its results have beside their words. */
interface ToolSpec<Input extends z.ZodObject, Facts extends z.ZodObject> {
  readonly title: string;
  readonly description: string;
  readonly input: Input;
  readonly facts: Facts;
  readonly annotations: ToolAnnotations;
}

/**
 * Registers a tool. Whatever `work` throws is the tool's answer, wrong arguments among it, so that a model reads each of them in the
 * one form (SPEC {#mcp_results}, {#mcp_errors}); a call that the client has cancelled gets no answer.
 */
export function registerTool<Input extends z.ZodObject, Facts extends z.ZodObject>(
  { server, link }: ToolKit,
  name: string,
  { title, description, input, facts, annotations }: ToolSpec<Input, Facts>,
  work: (args: z.output<Input>, context: ToolContext) => Promise<Answer<z.output<Facts>>>,
): void {
  const config = { title, description, inputSchema: unchecked(input), outputSchema: outputOf(facts), annotations };
  server.registerTool(name, config, async (args, context) => {
    link.heard(context);
    const checked = input.safeParse(args);
    try {
      if (!checked.success) throw new Error(`Wrong arguments for ${name}: ${issuesOf(checked.error)}`);
      return resultOf(await work(checked.data, context));
    } catch (error) {
      if (context.mcpReq.signal.aborted) throw error;
      return failure(error);
    }
  });
}

/** The schema that clients see, which accepts everything: a refusal by the library would carry no data. */
function unchecked(schema: z.ZodObject) {
  const { jsonSchema, vendor, version } = schema['~standard'];
  return { '~standard': { vendor, version, jsonSchema, validate: (value: unknown) => ({ value }) } };
}

function issuesOf({ issues }: z.ZodError): string {
  return issues.map(({ path, message }) => (path.length === 0 ? message : `${path.join('.')}: ${message}`)).join('; ');
}

/** The runtime and the run of this session's commands; refuses before the first command, where nothing can be meant. */
export async function ownCommands({ link }: ToolKit): Promise<{ runtime: Runtime; run: string }> {
  const runtime = await link.runtime();
  const run = await link.ownRun();
  if (run === undefined) throw new Error('this session has started no command yet; sh starts one');
  return { runtime, run };
}
