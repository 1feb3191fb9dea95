import { systemCode } from '../../core/errors.ts';
import { TRAPPED_SIGNALS } from '../shim/shim-text.ts';
import { SAFE_SIGNALS } from '../shim/terminal.ts';
import { isDead, type ProcStat, readStat } from './proc.ts';

/** True when a shim, or the leader of a terminal, lives through this signal and does not stop. */
export function isSafe(signal: NodeJS.Signals): boolean {
  return (SAFE_SIGNALS as readonly string[]).includes(signal);
}

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

/** Signals the group that a process leads, which is the command's as long as its leader is there, zombie or not. */
export function signalGroup(leader: ProcStat, signal: NodeJS.Signals): boolean {
  return send(-leader.pid, signal);
}

/** Signals a process group that a process is in, while it is there and in it. */
export function signalGroupOf(member: ProcStat, signal: NodeJS.Signals): boolean {
  const now = readStat(member.pid);
  if (now?.startTicks !== member.startTicks || now.group !== member.group) return false;
  return send(-member.group, signal);
}

/** Signals the process group in the foreground of a terminal; false when it is gone. */
export function signalForeground(group: number, signal: NodeJS.Signals): boolean {
  return send(-group, signal);
}

/** Signals every one of these processes once, also those that they fork meanwhile. */
export async function signalEach(members: () => Promise<readonly ProcStat[]>, signal: NodeJS.Signals): Promise<void> {
  const reached = new Set<number>();
  const left = async (): Promise<ProcStat[]> => (await members()).filter(({ pid }) => !reached.has(pid));
  for (let fresh = await left(); fresh.length > 0; fresh = await left()) {
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
