/** How long a server may take to take a connection, milliseconds. */
export const OPEN_MS = 10_000;
/** How long the other side may take to end a connection that is closed here, milliseconds. */
export const CLOSE_MS = 1000;
/** Silence after which a connection is taken for dead, milliseconds: the server pings every 15 s (SPEC {#ping}). */
export const SILENT_MS = 45_000;
