/** True for a status that nothing leaves again by itself: of an entry, a channel or a loop (SPEC {#statuses}). */
export function isEnd(status: number): boolean {
  return status === 200 || status >= 400;
}
