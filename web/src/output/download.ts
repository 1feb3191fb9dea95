import type { ChannelReader } from './channel-reader.ts';

const PAGE_BYTES = 4 * 1024 * 1024;

/**
 * The channel as a file: every byte that is stored of it now, as it is; a command may write faster than it is read. The
 * browser keeps the file, on its disk if it is large, and not the page.
 */
export async function channelFile(reader: ChannelReader, signal: AbortSignal, progress: (done: number) => void): Promise<Blob> {
  let file = new Blob();
  let end = Number.POSITIVE_INFINITY;
  for (let from = 0; ; ) {
    const { data, to, bytes } = await reader.read({ from, maxBytes: PAGE_BYTES }, signal);
    end = Math.min(end, bytes);
    file = new Blob([file, new Uint8Array(data.subarray(0, end - from))], { type: 'application/octet-stream' });
    if (to >= end || to <= from) return file;
    from = to;
    progress(to / end);
  }
}

/** Hands a file to the browser's downloads. */
export function save(file: Blob, name: string): void {
  const url = URL.createObjectURL(file);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The download has its own hold on it once it has begun.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
