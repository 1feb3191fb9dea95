import { z } from 'zod';

const variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'must be the name of an environment variable');

const server = z
  .strictObject({
    /** A program that speaks MCP on its standard input and output. */
    command: z.string().min(1).max(4096).optional(),
    args: z.array(z.string().max(32_768)).max(100).optional(),
    /** Relative to the configuration file. */
    cwd: z.string().min(1).max(4096).optional(),
    env: z.record(variable, z.string().max(32_768)).optional(),
    /** Variables of the server that it gets as well; it has a short list of harmless ones anyway. */
    envFrom: z.array(variable).max(100).optional(),
    /** Or: the address of an MCP server over HTTP. */
    url: z.url({ protocol: /^https?$/, error: 'must be an http or https URL' }).optional(),
    /** Header to the environment variable that holds its value. */
    headersFrom: z.record(z.string().regex(/^[A-Za-z0-9-]{1,128}$/, 'must be the name of a header'), variable).optional(),
    /** Only these of its tools, by its names for them. */
    tools: z.array(z.string().min(1).max(256)).max(1000).optional(),
  })
  .superRefine((value, context) => {
    const problem = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
    if ((value.command === undefined) === (value.url === undefined))
      problem('command', 'give either command, for a program, or url, for a server over HTTP');
    else if (value.url !== undefined) {
      for (const key of ['args', 'cwd', 'env', 'envFrom'] as const) if (value[key]) problem(key, 'goes with command, not with url');
    } else if (value.headersFrom) problem('headersFrom', 'goes with url, not with command');
  });

/** MCP servers by name, as the configuration file has them (SPEC {#mcp}). */
export const mcpServers = z.record(z.string().regex(/^[a-z][a-z0-9]{0,23}$/, 'must be lower case letters and digits, 24 at most'), server);

/** One MCP server: a program that is started, or an address. */
export type McpServerSettings = z.infer<typeof server>;
