import type { CallToolResult, ServerContext } from '@modelcontextprotocol/server';
import { messageOf } from '../core/errors.ts';
import type { Link } from './link.ts';

/** A tool's answer: text for the model, the same as data. */
export function answer(text: string, structuredContent: Record<string, unknown>): CallToolResult {
  return { content: [{ type: 'text', text }], structuredContent };
}

/** What failed and what to do next, as the answer of a tool: the model reads it (SPEC {#mcp_errors}). */
export function failure(error: unknown): CallToolResult {
  const next = nextStep(error);
  // What the server advises here, to accept it, is not for a model.
  const message = kindOf(error) === 'stream_not_open' ? 'It has written nothing: nobody has accepted it yet.' : messageOf(error);
  return { isError: true, content: [{ type: 'text', text: next === undefined ? message : `${message}\n${next}` }] };
}

/** Answers what `work` answers, or its failure; one that the client has cancelled is nobody's answer. */
export async function answering(link: Link, context: ServerContext, work: () => Promise<CallToolResult>): Promise<CallToolResult> {
  link.heard(context);
  try {
    return await work();
  } catch (error) {
    if (context.mcpReq.signal.aborted) throw error;
    return failure(error);
  }
}

function nextStep(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ('hint' in error && typeof error.hint === 'string') return error.hint;
  switch (kindOf(error)) {
    case 'ConnectionClosed':
      return 'What was asked may have happened: look with list before you ask for it again.';
    case 'not_found':
      return 'list says which runs and commands there are.';
    case 'stream_not_open':
      return 'wait waits for that.';
    case 'stream_closed':
      return 'The command has ended; get reads what it wrote.';
    default:
      return undefined;
  }
}

function kindOf(error: unknown): unknown {
  if (!(error instanceof Error)) return undefined;
  return 'kind' in error ? error.kind : error.name;
}
