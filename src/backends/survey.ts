import type { Clock } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import type { Backend, BackendCapabilities } from '../model/ports/backend.ts';

/** How long a backend may take to say what it can do (milliseconds): a daemon that hangs must not hang the caller. */
const LIMIT_MS = 2000;
/** How long callers of one server share what was found (milliseconds). */
const KEPT_MS = 1000;

/** What each backend can do on this machine, in their order. Never throws, and returns after `limitMs` at the latest (SPEC {#backend_list}). */
export async function surveyBackends(backends: ReadonlyMap<string, Backend>, limitMs: number = LIMIT_MS): Promise<BackendCapabilities[]> {
  return await Promise.all([...backends].map(([name, backend]) => survey(name, backend, limitMs)));
}

/**
 * A `surveyBackends` for any number of callers: those that come while one is under way, or within `KEPT_MS` of its end, share what it
 * found. Backends start programs to find out what they can do, and each start stops the server's thread for a moment (SPEC {#backend_list}).
 */
export function sharedSurvey(backends: () => ReadonlyMap<string, Backend>, clock: Clock): () => Promise<BackendCapabilities[]> {
  let last: { readonly rows: Promise<BackendCapabilities[]>; endedAt: number } | undefined;
  return () => {
    if (last && clock.monotonic() - last.endedAt < KEPT_MS) return last.rows;
    const next = { rows: surveyBackends(backends()), endedAt: Number.POSITIVE_INFINITY };
    void next.rows.then(() => {
      next.endedAt = clock.monotonic();
    });
    last = next;
    return next.rows;
  };
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
