import { Readable, Writable } from 'node:stream';
import { ndJsonStream } from '@agentclientprotocol/sdk';
import { serveEditor } from '../../acp/agent.ts';
import { Link } from '../../acp/link.ts';
import { LIMITS } from '../../rpc/protocol/shapes.ts';
import type { Console } from '../console.ts';
import { type ClientOptions, openSession } from '../context.ts';
import { ensureServer, redialling } from '../ensure-server.ts';
import { EXIT } from '../exit-codes.ts';
import type { CliHost } from '../host.ts';
import { projectOf } from '../project.ts';

/** Options of `headgate acp`. */
export interface AcpOptions extends ClientOptions {
  readonly model?: string;
  readonly agent?: string;
  readonly yolo?: boolean;
  readonly config?: string;
  /** False: where no server runs, none is started. */
  readonly serve: boolean;
}

/**
 * Serves an editor on standard input and output with the Agent Client Protocol, until the editor goes. Standard output
 * carries the protocol and nothing else (SPEC {#cli_acp}).
 */
export async function acp(console: Console, host: CliHost, options: AcpOptions): Promise<number> {
  const log = (line: string) => void console.err.write(`headgate: ${line}\n`);
  const stream = ndJsonStream(
    Writable.toWeb(console.out.stream) as WritableStream<Uint8Array>,
    Readable.toWeb(console.stdin()) as ReadableStream<Uint8Array>,
    { maxMessageBytes: LIMITS.messageBytes },
  );
  const connection = serveEditor(stream, {
    version: console.version,
    folder: projectOf(options.project).root,
    mode: options.yolo ? 'yolo' : 'act',
    model: options.model ?? (console.env['HEADGATE_MODEL'] || undefined),
    agent: options.agent,
    log,
    connect: async (folder, name) => {
      const project = projectOf(folder);
      if (options.serve) await ensureServer(options, host);
      const how = { resume: true, name, dial: redialling(options, host, options.serve) };
      return new Link(await openSession(console, { ...options, project: folder }, how), project.root);
    },
  });
  const stop = () => connection.close();
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  console.out.onGone(stop);
  await connection.closed;
  console.stdin().destroy();
  return EXIT.ok;
}
