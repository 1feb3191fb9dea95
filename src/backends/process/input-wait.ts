import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync, type Stats, statSync } from 'node:fs';
import { arch } from 'node:process';
import { systemCode } from '../../core/errors.ts';
import { type ProcStat, readStat } from './proc.ts';

/** What a thread waits for: what its command is given to read, a peer that may come by itself, or anything else. */
type Wait = 'input' | 'peer' | 'other' | 'unknown';
type Call = 'read' | 'poll' | 'select' | 'epoll' | 'peer';

/** Numbers of the system calls in which a thread may sleep until there is something to read (asm/unistd.h). */
const CALLS: Readonly<Record<string, Readonly<Record<Call, readonly number[]>>>> = {
  x64: { read: [0, 19], poll: [7, 271], select: [23, 270], epoll: [232, 281, 441], peer: [43, 45, 47, 288] },
  arm64: { read: [63, 65], poll: [73], select: [72], epoll: [22, 441], peer: [202, 207, 212, 242] },
};
/** Kernel functions in which a thread sleeps that reads a pipe or a terminal, where its call may not be seen. */
const READING = /^(?:anon_)?pipe_(?:read|wait)$|^fifo_pipe_read$|^n_tty_read$/;
const POLLIN = 1;
/** Descriptors of one call that are looked at; a reader of keys has a few. */
const MAX_FDS = 256;
/** Processes of one command that are looked at. */
const MAX_PROCESSES = 256;

/**
 * True when a process below `shim` sleeps until it is given input: in a read of the FIFO `fifo` or of its terminal, or in a
 * poll, select or epoll that has it and no socket (SPEC {#waiting_for_input}). Null when that cannot be seen. `passed`:
 * processes of ours, which are left out; their children are not.
 */
export function waitsForInput(shim: number, passed: (process: ProcStat) => boolean, fifo: string | null): boolean | null {
  const input = fifo === null ? undefined : statSync(fifo, { throwIfNoEntry: false });
  let unknown = false;
  for (const process of descendants(shim)) {
    if (process.state !== 'S' || passed(process)) continue;
    const wait = waitOf(process, input);
    if (wait === 'input') return true;
    unknown ||= wait === 'unknown';
  }
  return unknown ? null : false;
}

/** The processes below one, without it. */
function descendants(root: number): ProcStat[] {
  const found: ProcStat[] = [];
  const open = childrenOf(root);
  for (let pid = open.pop(); pid !== undefined && found.length < MAX_PROCESSES; pid = open.pop()) {
    const process = readStat(pid);
    if (!process) continue;
    found.push(process);
    open.push(...childrenOf(pid));
  }
  return found;
}

function childrenOf(pid: number): number[] {
  return threadsOf(pid).flatMap((thread) => (text(`/proc/${pid}/task/${thread}/children`) ?? '').split(' ').filter(Boolean).map(Number));
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

/** A process that also waits for peers is a server, whatever else it reads. */
function waitOf(process: ProcStat, input: Stats | undefined): Wait {
  const waits = threadsOf(process.pid).map((thread) => threadWait(process, thread, input));
  for (const wait of ['peer', 'input', 'unknown'] as const) if (waits.includes(wait)) return wait;
  return 'other';
}

function threadWait(process: ProcStat, thread: string, input: Stats | undefined): Wait {
  const { pid } = process;
  const folder = `/proc/${pid}/task/${thread}`;
  const [number = '', ...args] = (text(`${folder}/syscall`) ?? '').trim().split(' ');
  const calls = CALLS[arch];
  if (number === 'running' || number === '-1') return 'other';
  if (number === '' || !calls) return withoutCall(process, folder, input);
  const [a = 0, b = 0] = args.map(Number);
  const call = (Object.keys(calls) as Call[]).find((name) => calls[name].includes(Number(number)));
  const kinds = (fds: readonly number[]): Wait => {
    const all = fds.map((fd) => kindOf(process, fd, input));
    return all.includes('peer') ? 'peer' : all.includes('input') ? 'input' : 'other';
  };
  switch (call) {
    case 'read':
      return kinds([a]);
    case 'poll':
      return kinds(polled(pid, args[0] ?? '0', b));
    case 'select':
      return kinds(selected(pid, a, args[1] ?? '0'));
    case 'epoll':
      return kinds(watched(pid, a));
    case 'peer':
      return 'peer';
    case undefined:
      return 'other';
  }
}

/** Of another user's process (`sudo`), or where a kernel shows no calls. */
function withoutCall(process: ProcStat, folder: string, input: Stats | undefined): Wait {
  const where = text(`${folder}/wchan`) ?? '';
  if (where !== '' && where !== '0') return READING.test(where) && kindOf(process, 0, input) === 'input' ? 'input' : 'other';
  // In the foreground of the terminal, with no child that it could wait for: what asks for a password looks like this.
  if (process.terminal !== 0 && process.group === process.foreground && childrenOf(process.pid).length === 0) return 'input';
  return 'unknown';
}

function kindOf(process: ProcStat, fd: number, input: Stats | undefined): Wait {
  const path = `/proc/${process.pid}/fd/${fd}`;
  try {
    // A socket has no file that could be looked at.
    if (readlinkSync(path).startsWith('socket:')) return 'peer';
    const file = statSync(path);
    if (input && file.ino === input.ino && file.dev === input.dev) return 'input';
    // Its own terminal, by name or as /dev/tty (5, 0).
    const terminal = process.terminal !== 0 && file.isCharacterDevice() && (file.rdev === process.terminal || file.rdev === 0x500);
    return terminal ? 'input' : 'other';
  } catch {
    return 'other';
  }
}

/** Descriptors that a poll waits to read from (struct pollfd: int fd; short events; short revents). */
function polled(pid: number, address: string, count: number): number[] {
  const memory = readMemory(pid, address, Math.min(count, MAX_FDS) * 8);
  const fds: number[] = [];
  for (let at = 0; at + 8 <= memory.length; at += 8) if (memory.readInt16LE(at + 4) & POLLIN) fds.push(memory.readInt32LE(at));
  return fds.filter((fd) => fd >= 0);
}

/** Descriptors that a select waits to read from: a set of bits. */
function selected(pid: number, count: number, address: string): number[] {
  const bits = readMemory(pid, address, Math.ceil(Math.min(count, 1024) / 8));
  const fds: number[] = [];
  for (let fd = 0; fd < bits.length * 8; fd++) if (((bits[fd >> 3] ?? 0) >> (fd & 7)) & 1) fds.push(fd);
  return fds;
}

function watched(pid: number, fd: number): number[] {
  const lines = (text(`/proc/${pid}/fdinfo/${fd}`) ?? '').matchAll(/^tfd:\s*(\d+) events:\s*([0-9a-f]+)/gm);
  return [...lines].filter(([, , events]) => Number.parseInt(events ?? '0', 16) & POLLIN).map(([, one]) => Number(one));
}

/** A small file of /proc; undefined when it is gone or not ours to read. */
function text(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES' || code === 'EPERM') return undefined;
    throw error;
  }
}

/** Bytes of another process's memory from a hexadecimal address on; empty when they are gone or not ours to read (proc(5), mem). */
function readMemory(pid: number, address: string, bytes: number): Buffer {
  const memory = Buffer.alloc(bytes);
  let file: number | undefined;
  try {
    file = openSync(`/proc/${pid}/mem`, 'r');
    return memory.subarray(0, readSync(file, memory, 0, bytes, BigInt(address)));
  } catch {
    return Buffer.alloc(0);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
