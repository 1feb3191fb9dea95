import { createHash } from 'node:crypto';
import type { AgentCall } from '../../model/agent-state.ts';
import { type CallUpdate, textOf } from './messages.ts';

/** True if the update says that the call has ended. */
export function isCallOver({ status }: CallUpdate): boolean {
  return status === 'completed' || status === 'failed';
}

/** True if the update brings output of the call. */
export function hasOutput(call: CallUpdate): boolean {
  return call._meta?.terminal_output !== undefined || textOf(call) !== undefined;
}

/** The text that an update shows of the call, with its SHA-256; undefined if it shows none. */
export function shownText(call: CallUpdate): { readonly text: string; readonly digest: string } | undefined {
  const text = textOf(call);
  return text === undefined ? undefined : { text, digest: digestOf(text) };
}

/**
 * What an update adds to the output: a piece, or the rest of a text that has grown; all of it if it is another text, and what the result
 * says where nothing came before (SPEC {#agent_actions}).
 */
export function addedOutput(call: CallUpdate, { text: before, bytes }: Pick<AgentCall, 'text' | 'bytes'>): Buffer {
  const piece = call._meta?.terminal_output?.data;
  if (piece !== undefined) return Buffer.from(piece);
  const text = textOf(call) ?? (bytes === 0 && isCallOver(call) ? resultOf(call) : '');
  if (before && digestOf(text.slice(0, before.chars)) === before.digest) return Buffer.from(text.slice(before.chars));
  return Buffer.from(text);
}

/** The output as the result of a call has it: codex-acp sends that of a command that ends at once nowhere else. */
function resultOf({ rawOutput }: CallUpdate): string {
  const result = typeof rawOutput === 'object' && rawOutput !== null ? (rawOutput as Readonly<Record<string, unknown>>) : {};
  return [result['aggregated_output'], result['output']].find((value) => typeof value === 'string') ?? '';
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
