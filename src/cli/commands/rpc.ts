import type { MethodName, ParamsOf } from '../../rpc/protocol/table.ts';
import type { Console } from '../console.ts';
import { type ClientOptions, openSession } from '../context.ts';
import { methodError, usageError, wireError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { locate } from '../locate.ts';
import { relay } from '../relay.ts';
import { readText } from '../stdin.ts';

/** Options of `headgate rpc`. */
export interface RpcOptions extends ClientOptions {
  readonly stdio?: boolean;
}

/** What works on a connection that has no project. */
const WITHOUT_PROJECT: ReadonlySet<string> = new Set<MethodName>(['ping', 'discover', 'rpc.discover', 'init']);

/**
 * `headgate rpc METHOD [PARAMS]` calls one method and prints its result as JSON; with `--stdio` the process is a
 * JSON-RPC connection, one message a line, relayed to the running server (SPEC {#cli_rpc}).
 */
export async function rpc(console: Console, method: string | undefined, params: string | undefined, options: RpcOptions): Promise<number> {
  if (options.stdio) {
    if (method !== undefined)
      throw usageError('rpc --stdio takes no method', 'the methods come on standard input, one JSON-RPC message a line');
    return await relay(console, locate(options, console.env));
  }
  if (method === undefined) throw usageError('rpc needs a method', 'headgate rpc discover lists them');
  const parsed = parse(params === '-' ? await readText(console.stdin()) : params);
  const session = await openSession(console, options, { project: !WITHOUT_PROJECT.has(method) });
  try {
    // An unknown name goes out as it is: the server's answer is what its clients would see.
    const result = await session.call(method as MethodName, parsed as ParamsOf<MethodName>);
    await console.out.write(`${JSON.stringify(result, null, console.out.stream.isTTY ? 2 : 0)}\n`);
    return EXIT.ok;
  } catch (error) {
    const wire = wireError(error);
    if (!wire) throw error;
    await console.err.write(`${console.errColors.dim(JSON.stringify({ code: wire.code, ...wire.data }))}\n`);
    throw methodError(error);
  } finally {
    await session.close();
  }
}

function parse(text: string | undefined): unknown {
  if (text === undefined || text.trim() === '') return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw usageError(
      `the params are not JSON: ${error instanceof Error ? error.message : ''}`,
      `headgate rpc getEntries '{"run": "shell"}'`,
    );
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw usageError('the params are no JSON object', `headgate rpc getEntries '{"run": "shell"}'`);
  }
  return value;
}
