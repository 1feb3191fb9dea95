/** The command that the throughput cases run, and what it prints. */
export const SEQ = ['seq', '1', '5000000'];
export const SEQ_LINE = SEQ.join(' ');
export const SEQ_BYTES = 38_888_896;
const SHA256 = 'cb55d986df9aa5351f8c3a05b268138f63a593a742348ff4074656136b7071da';

/** Megabytes a second of a transfer of that output; throws when other bytes arrived. */
export function seqRate({ seconds, bytes, sha256 }) {
  if (bytes !== SEQ_BYTES) throw new Error(`${bytes} bytes arrived instead of ${SEQ_BYTES}`);
  if (sha256 !== SHA256) throw new Error(`the bytes that arrived are not those of \`${SEQ_LINE}\``);
  return SEQ_BYTES / 1e6 / seconds;
}
