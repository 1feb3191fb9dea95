import { loadConfig } from '../runtime/index.ts';

/** Reads a configuration file as a server would at its start, and does nothing else. Throws `not_found`, `invalid_params`. */
export async function checkConfig(file: string): Promise<void> {
  await loadConfig(file);
}
