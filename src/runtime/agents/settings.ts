import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { HeadgateError } from '../../core/errors.ts';
import type { AgentSettings } from '../../model/agent-state.ts';

/** The model of a run that an agent drives: it asks none of this server's. */
export const NO_MODEL = 'scripted';

/** Throws not_found with the agents that there are. */
export function requireAgent(agents: Readonly<Record<string, AgentSettings>>, name: string): void {
  if (agents[name]) return;
  const known = Object.keys(agents).join(', ');
  throw new HeadgateError('not_found', `no agent "${name}" in the configuration; ${known === '' ? 'it names none' : `it names ${known}`}`, {
    agent: name,
  });
}

/** True if the command is found where the server would find it. */
export function isInstalled(command: string): boolean {
  const places = command.includes('/') ? [command] : (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, command));
  return places.some((place) => {
    try {
      accessSync(place, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
