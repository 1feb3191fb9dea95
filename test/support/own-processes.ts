import { readdirSync, readFileSync } from 'node:fs';
import type { Backend, BackendHandle } from '../../src/model/ports/backend.ts';

/**
 * A backend whose commands have process numbers of their own, as a suite sees it that compares numbers which commands
 * print with those that the backend names: everything that names processes of `spool` names them as they see themselves.
 */
export function withOwnNumbers(backend: Backend, spool: string): Backend {
  return {
    capabilities: () => backend.capabilities(),
    start: async (request, sink) => translated(await backend.start(request, sink), spool),
    adopt: async (request, ref, offsets, sink) => translated(await backend.adopt(request, ref, offsets, sink), spool),
  };
}

/** Whether a process of this own number runs, among those of `spool`. */
export function isRunningInside(spool: string, own: number): boolean {
  return [...numbersOf(spool).values()].includes(own);
}

function translated(handle: BackendHandle, spool: string): BackendHandle {
  let known = new Map<number, number>();
  const own = (pids: readonly number[]) => {
    known = new Map([...known, ...numbersOf(spool)]);
    return pids.map((pid) => known.get(pid) ?? -pid);
  };
  const closed = handle.closed.then((fact) => ({ ...fact, detached: own(fact.detached) }));
  return {
    ref: handle.ref,
    exited: handle.exited,
    closed,
    ...(handle.drained ? { drained: handle.drained } : {}),
    write: (bytes, offset) => handle.write(bytes, offset),
    closeInput: () => handle.closeInput(),
    resize: (cols, rows) => handle.resize(cols, rows),
    signal: (signal) => handle.signal(signal),
    kill: async (request) => {
      own([]);
      const receipt = await handle.kill(request);
      const signals = receipt.signals.map((sent) => ({ ...sent, pids: own(sent.pids) }));
      return { ...receipt, signals, confirmedDead: own(receipt.confirmedDead), escaped: own(receipt.escaped) };
    },
    detach: () => handle.detach(),
    dispose: () => handle.dispose(),
  };
}

/** Host number -> own number of every living process that carries the marker of this spool. */
function numbersOf(spool: string): Map<number, number> {
  const numbers = new Map<number, number>();
  for (const name of readdirSync('/proc').filter((one) => /^\d+$/.test(one))) {
    try {
      const status = readFileSync(`/proc/${name}/status`, 'utf8');
      const inner = /^NSpid:(?:\t\d+)+\t(\d+)$/m.exec(status)?.[1];
      if (inner === undefined || /^State:\t[ZX]/m.test(status)) continue;
      if (`\0${readFileSync(`/proc/${name}/environ`, 'utf8')}`.includes(`\0HEADGATE_SPOOL=${spool}\0`))
        numbers.set(Number(name), Number(inner));
    } catch {
      // Gone meanwhile.
    }
  }
  return numbers;
}
