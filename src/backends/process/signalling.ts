import { systemCode } from '../../core/errors.ts';
import { TRAPPED_SIGNALS } from '../shim/shim-text.ts';
import { isDead, type ProcStat, readStat } from './proc.ts';
import type { ProcessTree } from './tree.ts';

/** True when a shim lives through this signal, so that it may go to the whole group. */
export function isTrapped(signal: NodeJS.Signals): boolean {
  return (TRAPPED_SIGNALS as readonly string[]).includes(signal);
}

/** Signals a process, unless another one has its number by now. False when it is gone or not ours. */
export function signalProcess(process_: ProcStat, signal: NodeJS.Signals): boolean {
  const now = readStat(process_.pid);
  if (now?.startTicks !== process_.startTicks || isDead(now)) return false;
  return send(process_.pid, signal);
}

/** Signals the shim's group, which is ours as long as the shim is there. */
export function signalGroup(shim: ProcStat, signal: NodeJS.Signals): boolean {
  return send(-shim.pid, signal);
}

/** Signals the process group in the foreground of a terminal; false when it is gone. */
export function signalForeground(group: number, signal: NodeJS.Signals): boolean {
  return send(-group, signal);
}

/** Signals every process of a tree once, also those that it forks meanwhile, and spares the shim. */
export async function signalEach(tree: ProcessTree, signal: NodeJS.Signals): Promise<void> {
  const reached = new Set<number>();
  for (let fresh = await tree.members(); fresh.length > 0; fresh = (await tree.members()).filter(({ pid }) => !reached.has(pid))) {
    for (const member of fresh) {
      signalProcess(member, signal);
      reached.add(member.pid);
    }
  }
}

function send(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if (systemCode(error) === 'ESRCH' || systemCode(error) === 'EPERM') return false;
    throw error;
  }
}
