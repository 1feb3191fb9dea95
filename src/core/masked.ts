/** What a masked byte is replaced by (SPEC {#redaction}). */
export const MASK_BYTE = 42;

/** True when `stored` is these bytes, or masks in their place (SPEC {#redaction_stored}). */
export function storedAs(stored: Uint8Array, bytes: Uint8Array): boolean {
  return stored.length === bytes.length && stored.every((byte, i) => byte === bytes[i] || byte === MASK_BYTE);
}
