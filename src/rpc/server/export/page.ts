import { isUtf8 } from 'node:buffer';
import { HeadgateError } from '../../../core/errors.ts';
import type { ResultOf } from '../../protocol/table.ts';
import { bytesPage } from './bytes.ts';
import { castPage } from './cast.ts';
import { htmlPage } from './html.ts';
import type { ExportPage, ExportRequest } from './request.ts';

const MEDIA_TYPES = {
  raw: 'application/octet-stream',
  text: 'text/plain; charset=utf-8',
  asciicast: 'application/x-asciicast',
  html: 'text/html; charset=utf-8',
} as const satisfies Record<ExportRequest['format'], string>;

/** One page of a document that holds what a producer has written (SPEC {#stream_export}). Throws not_found, stream_not_open, invalid_params. */
export async function exportPage(request: ExportRequest): Promise<ResultOf<'stream/export'>> {
  const { path, format } = request;
  const { document, next, channels, done, bytes } = await page(request);
  const utf8 = isUtf8(document);
  const { leftover } = request.parts.streams.view(request.runId, path).producer;
  const ends = leftover && Object.fromEntries(Object.entries(leftover.ends).filter(([one]) => channels.includes(Number(one))));
  return {
    path,
    format,
    channels: [...channels],
    ...(ends ? { endOffsets: ends, end_offsets: ends } : {}),
    mediaType: MEDIA_TYPES[format],
    media_type: MEDIA_TYPES[format],
    chunk: document.toString(utf8 ? 'utf8' : 'base64'),
    encoding: utf8 ? 'utf8' : 'base64',
    next: next ?? null,
    done,
    bytes,
  };
}

function page(request: ExportRequest): ExportPage | Promise<ExportPage> {
  switch (request.format) {
    case 'raw':
    case 'text':
      return bytesPage(request);
    case 'asciicast':
      return castPage(request);
    case 'html':
      if (request.cursor === undefined) return htmlPage(request);
      throw new HeadgateError('invalid_params', 'a document in HTML has one page; leave cursor out', { field: 'cursor' });
  }
}
