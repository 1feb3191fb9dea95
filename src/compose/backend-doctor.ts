import { tmpdir } from 'node:os';
import { createBackends } from '../backends/index.ts';
import { surveyBackends } from '../backends/survey.ts';
import { systemClock } from '../core/clock.ts';
import { silentLogger } from '../core/logger.ts';
import type { BackendCapabilities } from '../model/ports/backend.ts';
import type { Finding } from '../store/index.ts';

/** What `headgate doctor` calls the backends that people know by another name. */
const TITLES: Readonly<Record<string, string>> = { process: 'commands', pty: 'terminals' };

/** Says of each backend whether it can run commands on this machine, and of the sandbox too (SPEC {#cli_doctor}). Starts nothing. */
export async function examineBackends(): Promise<Finding[]> {
  const backends = createBackends({ folder: tmpdir(), clock: systemClock, logger: silentLogger });
  const rows = await surveyBackends(backends);
  const sandbox = rows.find((row) => row.sandbox !== undefined)?.sandbox;
  return [
    ...rows.map((row) => finding(TITLES[row.name] ?? row.name, row, row.detail ?? whatItCan(row))),
    ...(sandbox ? [sandboxFinding(sandbox)] : []),
  ];
}

/** Whether there is a sandbox, and what is different without one (SPEC {#looks_place}). */
export function sandboxFinding(sandbox: NonNullable<BackendCapabilities['sandbox']>): Finding {
  const missed =
    'without it a model is asked about git, rg, sed, find and others that only look, and a client that may run commands can read the data folder with its token; let the server run as a user of its own, or commands in containers';
  const { available, reason } = sandbox;
  const told = { available, ...(reason === undefined ? {} : { reason: `${reason}; ${missed}` }) };
  return finding('sandbox', told, sandbox.detail ?? 'commands can be kept to the project');
}

function finding(name: string, what: { available: boolean; reason?: string }, detail: string): Finding {
  // A server runs without what is missing here.
  return what.available ? { name, state: 'ok', detail } : { name, state: 'note', detail: what.reason ?? 'not available here' };
}

function whatItCan({ adopt, stdin, tty }: BackendCapabilities): string {
  const can = [...(stdin ? ['input'] : []), ...(tty ? ['terminals'] : []), ...(adopt ? ['taken up after a restart'] : [])];
  return can.length > 0 ? `available: ${can.join(', ')}` : 'available';
}
