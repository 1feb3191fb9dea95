import type { ModelMessage, ToolSpec } from './ports/model-provider.ts';

/**
 * What became of the bytes that a piece names: `exact`, they are shown as they are; `digest`, a text made from them is;
 * `literal`, the text comes from no entry: a label, a notice (SPEC {#context_record}).
 */
export type PieceForm = 'exact' | 'digest' | 'literal';

/** A stretch of one message's text; the texts of its pieces, in order, are the message's text. */
export interface ContextPiece {
  readonly form: PieceForm;
  /** Null for a literal. */
  readonly path: string | null;
  /** Byte range of the entry or channel; several ranges are several pieces. */
  readonly from: number;
  readonly to: number;
  readonly tokens: number;
  /**
   * What was shown; absent where it is exactly the bytes named. Of several digests in a row the
   * first has all of it. A digest without any is of an earlier version, which did not keep texts.
   */
  readonly text?: string;
}

/** One message of a packet, as it is kept. */
export interface ContextMessage {
  readonly role: ModelMessage['role'];
  /** Of a result: the call that it answers. */
  readonly callId?: string;
  readonly tool?: string;
  /** Of an answer: its calls, as they are sent. */
  readonly calls?: Extract<ModelMessage, { role: 'assistant' }>['calls'];
  readonly pieces: readonly ContextPiece[];
}

/** All that a model was sent in a turn: enough to make it again, byte for byte (SPEC {#context_record}). */
export interface ContextPacket {
  readonly messages: readonly ContextMessage[];
  readonly tools: readonly ToolSpec[];
}
