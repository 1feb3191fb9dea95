import { COMMANDS, inWords, type MethodWords } from '../rpc/protocol/method-words.ts';
import { methods } from '../rpc/protocol/table.ts';

/** The tools that do what methods do, and what MCP has in place of `discover`. */
const TOOLS: MethodWords = {
  discover: 'tools/list',
  startRun: 'sh',
  getRuns: 'list',
  getRun: 'list',
  getProposals: 'list',
  getEntries: 'list',
  'stream/list': 'list',
  'stream/read': 'get',
  'stream/export': 'get',
  'stream/subscribe': 'wait',
  'stream/cancel': 'cancel',
  'stream/receipt': 'cancel',
  'stream/signal': 'signal',
  'stream/input': 'input',
  // No tool of a model resolves proposals, and no text advises a model to look for a way.
  'run/resolve': 'the answer of a person',
};

/** A tool where there is one, else the command that a person types. */
const WORDS: MethodWords = Object.fromEntries(
  Object.keys(methods).map((name) => [name, { ...COMMANDS, ...TOOLS }[name as keyof typeof methods] ?? `headgate rpc ${name}`]),
);

/** A message of the server with tools of ours in place of the methods that it names: a client of MCP has none of them (SPEC {#mcp_errors}). */
export function inTools(message: string): string {
  return inWords(message, WORDS);
}
