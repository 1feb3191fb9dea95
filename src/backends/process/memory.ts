import { closeSync, openSync, readSync } from 'node:fs';

/** Bytes of another process's memory from a hexadecimal address on; empty when they are gone or not ours to read (proc(5), mem). */
export function readMemory(pid: number, address: string, bytes: number): Buffer {
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
