import { messageOf } from '../core/errors.ts';
import type { Backend, BackendCapabilities } from '../model/ports/backend.ts';

/** How long a backend may take to say what it can do (milliseconds): a daemon that hangs must not hang whoever asks. */
const LIMIT_MS = 2000;

/** What each backend can do on this machine, in their order. Never throws, and answers after `limitMs` at the latest (SPEC {#backend_list}). */
export async function surveyBackends(backends: ReadonlyMap<string, Backend>, limitMs: number = LIMIT_MS): Promise<BackendCapabilities[]> {
  return await Promise.all([...backends].map(([name, backend]) => survey(name, backend, limitMs)));
}

async function survey(name: string, backend: Backend, limitMs: number): Promise<BackendCapabilities> {
  const not = (reason: string) => ({ name, available: false, reason, stdin: false, tty: false, signals: [], adopt: false });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<BackendCapabilities>((resolve) => {
    timer = setTimeout(
      () => resolve(not(`it did not say within ${limitMs / 1000} s what it can do; look whether its service hangs`)),
      limitMs,
    );
  });
  try {
    // Its name is the one by which it is asked for, also where two backends are made from one.
    return { ...(await Promise.race([backend.capabilities(), late])), name };
  } catch (error) {
    return not(messageOf(error));
  } finally {
    clearTimeout(timer);
  }
}
