import { defined } from '../../core/defined.ts';
import { serveMcp } from '../../mcp/index.ts';
import { connectRuntime } from '../../rpc/client/index.ts';
import type { Console } from '../console.ts';
import type { ClientOptions } from '../context.ts';
import { ensureServer, redialling } from '../ensure-server.ts';
import { EXIT } from '../exit-codes.ts';
import type { CliHost } from '../host.ts';
import { projectOf } from '../project.ts';

/** How long a lost server is waited for; the next call after that looks for one again. */
const RESUME_MS = 30_000;

/** Options of `headgate mcp`. */
export interface McpOptions extends ClientOptions {
  readonly run?: string;
  readonly config?: string;
}

/** `headgate mcp`: a Model Context Protocol server on standard input and output (SPEC {#mcp_server}). */
export async function mcp(console: Console, host: CliHost, options: McpOptions): Promise<number> {
  const project = projectOf(options.project);
  await serveMcp({
    version: console.version,
    ...defined({ run: options.run }),
    open: async (name) => {
      await ensureServer(options, host);
      return await connectRuntime(redialling(options, host, true), {
        project,
        client: { name, version: console.version },
        giveUpMs: RESUME_MS,
      });
    },
  });
  return EXIT.ok;
}
