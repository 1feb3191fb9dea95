import type { ShownMark } from '../../hooks/views.ts';
import { channelPath, parseLogPath } from '../../model/paths.ts';
import type { Entry, LoopMode } from '../../model/records.ts';

/** What a model is told of a command that goes on in the background, with the calls that reach it (SPEC {#yield}). */
export function runningText(entry: Entry, mode: LoopMode): string {
  const { command, channels } = entry.attributes;
  const path = JSON.stringify(entry.path);
  const waiting = (entry.attributes['shown'] as ShownMark | undefined)?.waiting;
  const parts = parseLogPath(entry.path);
  const first = parts && Array.isArray(channels) && typeof channels[0] === 'number' ? channelPath(parts, channels[0]) : entry.path;
  const calls = [`wait {"path": ${path}} waits for its end`, `get {"path": ${JSON.stringify(first)}, "line": -50} reads its last lines`];
  if (mode === 'act') calls.push(`cancel {"path": ${path}} ends it`);
  return [
    ...(typeof command === 'string' ? [`$ ${command}`] : []),
    `${entry.path} is still running in the background. You are told when it has ended.`,
    ...(waiting ? [waitingText(entry.path, waiting.prompt, mode)] : []),
    `${calls.join('; ')}.`,
  ].join('\n');
}

function waitingText(path: string, prompt: string | undefined, mode: LoopMode): string {
  const after = prompt === undefined ? '' : `, after ${JSON.stringify(prompt)}`;
  const how = mode === 'act' ? ` Type with input {"path": ${JSON.stringify(path)}, "text": "...\\n"}, or cancel it.` : '';
  return `It seems to wait for input${after}.${how}`;
}
