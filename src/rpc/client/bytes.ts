const encoder = new TextEncoder();

/** The bytes of a chunk as the wire carries them. */
export function chunkBytes(chunk: string, encoding: 'utf8' | 'base64'): Uint8Array {
  if (encoding === 'utf8') return encoder.encode(chunk);
  const text = atob(chunk);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Bytes in Base64. */
export function base64(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
}
