import type { AgentSettings } from '../../model/agent-state.ts';
import { launchOf } from '../../model/launch.ts';
import type { Loop, Run, Turn } from '../../model/records.ts';
import { withLifetime } from '../lifetime.ts';
import type { RuntimeParts } from '../parts.ts';
import { sandboxed } from '../sandbox-policy.ts';
import { addEntry } from './entry.ts';
import { request, withoutProcess } from './lines.ts';
import type { AgentStates, Effect } from './states.ts';

/** Opens the process of a run's agent as a producer, with the first line that it gets (SPEC {#agent_driver}). Throws `forbidden` for a sandbox that has no place for the project. */
export function startAgent(
  parts: RuntimeParts,
  states: AgentStates,
  { run, loop, turn, settings }: { run: Run; loop: Loop; turn: Turn; settings: AgentSettings },
): void {
  const { streams, lifetime, sandbox } = parts;
  const { root } = states.projectOf(run);
  const { command, args, envFrom } = settings;
  const launch = launchOf([command, ...args], undefined);
  const spec = { ...launch, cwd: root, env: {}, stdin: true, ...(envFrom.length > 0 ? { envFrom } : {}) };
  const proposed = withLifetime({ backend: 'process', runner: 'embedded', channels: [1, 2], spec }, run.settings.lifetime, lifetime.model);
  const plan = sandboxed(proposed, sandbox, root);
  const start: Effect = (tx, state) => {
    const entry = addEntry(parts, tx, run, {
      tool: 'agent',
      slug: state.agent,
      status: 100,
      attributes: { tool: 'agent', summary: `agent ${state.agent}`, agent: state.agent, by: 'server' },
      turn: turn.sequence,
      loopId: loop.id,
      writer: 'server',
    });
    streams.open(tx, entry, plan);
    const clientCapabilities = { fs: { readTextFile: false, writeTextFile: false }, terminal: false, _meta: { terminal_output: true } };
    const begun = { ...withoutProcess(state), path: entry.path, startedFor: loop.id };
    const clientInfo = { name: 'headgate', version: '1' };
    return request(begun, 'initialize', 'initialize', { protocolVersion: 1, clientCapabilities, clientInfo });
  };
  states.change(run, start, 'durable');
}
