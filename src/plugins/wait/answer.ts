import type { CommandView } from '../../hooks/commands.ts';

/** Commands that a list names. */
const MAX_LISTED = 50;

/** Whether a command runs, and for how long; what to do when it waits for input. */
export function stateText(view: CommandView): string {
  const runs = `${view.path} runs for ${seconds(view.ageMs)}`;
  if (view.waiting !== true) return `${runs}.`;
  const after = view.prompt === undefined ? '' : `, after ${JSON.stringify(view.prompt)}`;
  const type = view.stdin ? 'type with `input`, or end it with `cancel`' : 'it was started without stdin, so end it with `cancel`';
  return `${runs} and seems to wait for input${after}; ${type}.`;
}

/** Says that it has ended; its output is another part of the same result. */
export function endedText(view: CommandView): string {
  return `${view.path} has ended: ${view.end ?? 'see its log entry'}.`;
}

/** What runs now, a line for each. */
export function listText(running: readonly CommandView[]): string {
  if (running.length === 0) return 'No command of this run is running now.';
  const lines = running.slice(0, MAX_LISTED).map((view) => {
    const whose = view.own ? '' : ", a user's";
    const waits = view.waiting === true ? ', waits for input' : '';
    return `- ${view.path} (${seconds(view.ageMs)}${whose}${waits}): ${firstLine(view.command)}`;
  });
  const more = running.length > MAX_LISTED ? [`- and ${running.length - MAX_LISTED} more`] : [];
  return ['Running now:', ...lines, ...more].join('\n');
}

function firstLine(command: string): string {
  const line = command.trim().split('\n', 1)[0] ?? '';
  return line.length > 120 ? `${line.slice(0, 120)}...` : line;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
