/** A count for people: `12,345`. */
export function countText(count: number): string {
  return count.toLocaleString('en');
}

/** What a channel is called. */
export function channelText(channel: number, isTerminal: boolean): string {
  if (channel === 1) return isTerminal ? 'terminal' : 'stdout';
  return channel === 2 ? 'stderr' : channel === 3 ? 'progress' : `channel ${channel}`;
}
