import { HeadgateError } from '../../../core/errors.ts';
import type { ReadResult, Streams } from '../../../stream/index.ts';
import type { ParsedParamsOf } from '../../protocol/table.ts';
import type { ServerParts } from '../parts.ts';

/** One page of an export to make (SPEC {#stream_export}). */
export interface ExportRequest {
  readonly parts: Pick<ServerParts, 'streams' | 'store' | 'redaction'>;
  readonly runId: number;
  readonly path: string;
  readonly format: ParsedParamsOf<'stream/export'>['format'];
  /** The channel that was named. */
  readonly channel: number | undefined;
  /** What the page before said under `next`. */
  readonly cursor: string | undefined;
  /** Stored bytes that the page stands for, at most. */
  readonly maxBytes: number;
  /** Secrets are masked. */
  readonly redact: boolean;
  /** Gives it up. */
  readonly signal: AbortSignal;
}

/** A page of a document: the pages one after the other are the document. */
export interface ExportPage {
  readonly document: Buffer;
  /** Undefined: it was the last one. */
  readonly next: string | undefined;
  readonly channels: readonly number[];
  /** Stored bytes up to the end of this page, and in all. */
  readonly done: number;
  readonly bytes: number;
}

/** The only channel of a document that has one; stdout when none is named. */
export const DEFAULT_CHANNEL = 1;

/** The channels of a document that can hold several: the one that is named, else stdout and stderr as far as there are any. */
export function channelsOf({ parts, runId, path, channel }: ExportRequest): number[] {
  const known = parts.streams.view(runId, path).channels.map((one) => one.channel);
  if (channel === undefined) return known.filter((one) => one <= 2);
  if (!known.includes(channel)) {
    throw new HeadgateError('not_found', `${path} has no channel ${channel}; it has ${known.join(', ')}`, { channel });
  }
  return [channel];
}

/** Reads a part of one of the channels as the caller may see it. */
export function readPart(
  { parts, runId, path, redact }: ExportRequest,
  channel: number,
  part: Pick<Parameters<Streams['read']>[0], 'from' | 'maxBytes' | 'lines'>,
): ReadResult {
  return parts.streams.read({ runId, path, channel, redact, ...part });
}

/** The command line for a title, on one line and masked as the output is. */
export function titleOf({ parts, runId, path, redact }: ExportRequest): string {
  const { command } = parts.streams.view(runId, path).producer.spec;
  return redact ? parts.redaction.value(command) : command;
}

/** Refuses a cursor that no page of this export has given. */
export function badCursor(): HeadgateError {
  return new HeadgateError('invalid_params', 'cursor comes from no page of this export; leave it out to begin', {
    field: 'cursor',
  });
}
