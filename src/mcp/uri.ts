/** URI of a channel, as `headgate://runs/{run}/channels/{path}` has it (SPEC {#mcp_resources}). */
export function channelUri(run: string, path: string): string {
  return `headgate://runs/${encodeURIComponent(run)}/channels/${encodeURIComponent(path)}`;
}

/** Run and path of such a URI; undefined for any other. */
export function parseChannelUri(uri: string): { run: string; path: string } | undefined {
  const parts = /^headgate:\/\/runs\/([^/]+)\/channels\/([^/]+)$/.exec(uri);
  try {
    return parts ? { run: decodeURIComponent(parts[1] ?? ''), path: decodeURIComponent(parts[2] ?? '') } : undefined;
  } catch {
    return undefined;
  }
}
