import { Scope } from './scope.mjs';
import { startWebsocketd } from './servers.mjs';

/** What people run commands with today, by the names that the results give them. */
export const CODEX = 'Codex command/exec';
export const WEBSOCKETD = 'websocketd --binary';

export const WITHOUT_CODEX = '--codex installs it into a temporary folder, --codex-from FOLDER takes one that has it in its node_modules';

/** What a table says for a peer that was not measured. */
export function missingHere(name) {
  return name === CODEX ? `missing here (${WITHOUT_CODEX})` : 'missing here';
}

/** A job with the URL of a websocketd of its own, which runs the command for each connection. */
export async function withWebsocketd(client, job, { flags = [], command, ...params }) {
  const scope = new Scope();
  try {
    return await client(job, { url: await startWebsocketd(scope, flags, command), ...params });
  } finally {
    await scope.close();
  }
}
