import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';

const MIB = 1024 * 1024;
/** Type of a file system in memory, as statfs(2) has it. */
const TMPFS = 0x01021994;
const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** Processor time that a process has used in all its threads, seconds; what its children used is not in it. */
export function cpuSeconds(pid) {
  const fields = statFields(pid);
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** The fields of a process from the third on; the name in the second may hold blanks and brackets. */
function statFields(pid) {
  return readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
}

/** Resident memory of a process, MiB. */
export function rssMiB(pid) {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
}

/** State letter of a process, as in `/proc/PID/stat`: `T` is stopped. */
export function stateOf(pid) {
  return statFields(pid)[0];
}

/** What a folder takes up on the disk, MiB: blocks, so holes cost nothing. */
export function diskMiB(folder) {
  let bytes = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    try {
      bytes += entry.isDirectory() ? diskMiB(path) * MIB : statSync(path).blocks * 512;
    } catch (error) {
      if (error.code !== 'ENOENT') throw error; // Removed since the listing.
    }
  }
  return bytes / MIB;
}

/** Free space for this user where `folder` lies, MiB. */
export function freeMiB(folder) {
  const { bavail, bsize } = statfsSync(folder);
  return (bavail * bsize) / MIB;
}

/** A process and all its descendants that live: pid and name. */
function descendants(root) {
  const parents = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      const stat = read(`/proc/${pid}/stat`);
      return stat === ''
        ? []
        : [
            {
              pid: Number(pid),
              name: stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')')),
              parent: Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]),
            },
          ];
    });
  const found = new Map([[root, { pid: root, name: '' }]]);
  for (let size = 0; size < found.size; ) {
    size = found.size;
    for (const one of parents) if (found.has(one.parent)) found.set(one.pid, one);
  }
  return [...found.values()];
}

/** A process and all its descendants: how many, and what they take together, shared pages counted in parts (PSS); `of`: those of one program. */
export function treeOf(root) {
  const all = descendants(root).map((one) => ({
    ...one,
    kib: Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${one.pid}/smaps_rollup`))?.[1] ?? 0),
  }));
  const sum = (some) => ({ processes: some.length, pssMiB: some.reduce((kib, one) => kib + one.kib, 0) / 1024 });
  return { ...sum(all), of: (name) => sum(all.filter((one) => one.name === name)) };
}

/**
 * What a process, its descendants and all of these that have ended and were waited for have used: processor seconds, bytes that
 * the kernel wrote to storage or is going to. Right only while none of them starts or ends.
 */
export function usageOf(root) {
  const used = { processes: 0, cpuSeconds: 0, writtenBytes: 0 };
  for (const { pid } of descendants(root)) {
    const [user, system, childrenUser, childrenSystem] = statFields(pid).slice(11, 15).map(Number);
    // The kernel's two counts: one is in clock ticks, the other forgets threads that have ended.
    used.cpuSeconds += Math.max((user + system) / ticksPerSecond, threadSeconds(pid));
    used.cpuSeconds += (childrenUser + childrenSystem) / ticksPerSecond;
    used.writtenBytes += writtenBytes(`/proc/${pid}/io`);
    used.processes += 1;
  }
  return used;
}

function threadSeconds(pid) {
  return readdirSync(`/proc/${pid}/task`).reduce(
    (sum, thread) => sum + Number(read(`/proc/${pid}/task/${thread}/schedstat`).split(' ')[0]) / 1e9,
    0,
  );
}

/** Bytes written to storage, of a file as `/proc/PID/io`. */
export function writtenBytes(file) {
  return Number(/^write_bytes: (\d+)$/m.exec(readFileSync(file, 'latin1'))[1]);
}

/** Whether a folder is in memory, where nothing is written to storage. */
export function isInMemory(folder) {
  return statfsSync(folder).type === TMPFS;
}

function read(file) {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}
