import type { HookRegistry } from '../hooks/registry.ts';
import type { EventRecord } from '../model/records.ts';

/** Tells plugins of what the event log holds, after its commit and in its order (SPEC {#hooks}). */
export function emitHooks(hooks: HookRegistry, event: EventRecord): void {
  const { projectId, payload } = event;
  if (event.run === null) return;
  const run = event.run;
  const path = text(payload['path']);
  switch (event.type) {
    case 'run/proposal':
      return hooks.emit('proposal.created', { projectId, run, path, action: text(payload['action']), summary: text(payload['summary']) });
    case 'run/resolved':
      return hooks.emit('proposal.resolved', {
        projectId,
        run,
        path,
        action: text(payload['action']),
        status: number(payload['status']),
        by: text(payload['by']),
      });
    case 'stream/started':
      return hooks.emit('producer.started', { projectId, run, path, command: text(payload['command']), runner: text(payload['runner']) });
    case 'stream/ended':
      return hooks.emit('producer.ended', {
        projectId,
        run,
        path,
        status: number(payload['status']),
        outcome: outcome(payload['outcome']),
      });
    case 'stream/cancelled':
      return hooks.emit('stream.cancelled', { projectId, run, path, reason: outcome(payload['reason']) });
    case 'entry/changed':
      return hooks.emit('entry.changed', {
        projectId,
        run,
        path,
        status: number(payload['status']),
        outcome: outcome(payload['outcome']),
        removed: payload['removed'] === true,
      });
    default:
  }
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function number(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}

function outcome(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
