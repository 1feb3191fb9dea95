import type { CallToolResult } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { messageOf } from '../core/errors.ts';
import { RpcError } from '../rpc/client/index.ts';
import { inTools } from './words.ts';

/** A tool's answer: what it says in words, and the facts as data. */
export interface Answer<Facts> {
  readonly text: string;
  readonly facts: Facts;
  /** What was asked for was not done. */
  readonly refused?: boolean;
}

/** What every answer has beside its facts; the words come last, for a client that shows the beginning and the end of what is long. */
const SAID = {
  is_error: z.boolean().describe('True: it was not done.'),
  text: z.string().describe('The answer in words, output included.'),
};

/** The schema of a tool's `structuredContent`: the facts and the words, or the words alone of what failed. */
export function outputOf(facts: z.ZodObject): z.ZodObject {
  const required = Object.keys(facts.shape);
  return facts
    .partial()
    .extend(SAID)
    .meta({ anyOf: [{ required }, { properties: { is_error: { const: true } } }] });
}

/**
 * An answer as the protocol has it. Clients show their model either `content` or `structuredContent`, so each says all of it: the
 * words are among the data, and the data are a second block of text, for the model alone (SPEC {#mcp_results}).
 */
export function resultOf({ text, facts, refused = false }: Answer<Readonly<Record<string, unknown>>>): CallToolResult {
  const data = { is_error: refused, ...facts };
  return {
    content: [
      { type: 'text', text },
      { type: 'text', text: JSON.stringify(data), annotations: { audience: ['assistant'] } },
    ],
    structuredContent: { ...data, text },
    ...(refused ? { isError: true } : {}),
  };
}

/** What failed and what to do next, as the answer of a tool: the model reads it (SPEC {#mcp_errors}). */
export function failure(error: unknown): CallToolResult {
  const words = wordsOf(error);
  const next = nextStep(error);
  const text = next === undefined ? words : `${words}\n${next}`;
  return { isError: true, content: [{ type: 'text', text }], structuredContent: { is_error: true, text } };
}

function wordsOf(error: unknown): string {
  if (kindOf(error) !== 'stream_not_open') return inTools(messageOf(error));
  // What the server advises here, to accept it, is not for a model.
  return isProposed(error) ? 'It has not started: it was not accepted yet.' : 'It was never started.';
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
      return isProposed(error) ? 'wait waits for that.' : 'wait with "ms": 0 says why.';
    default:
      return undefined;
  }
}

function isProposed(error: unknown): boolean {
  return error instanceof RpcError && error.data['entry_status'] === 202;
}

function kindOf(error: unknown): unknown {
  if (!(error instanceof Error)) return undefined;
  return 'kind' in error ? error.kind : error.name;
}
