import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { within } from './scope.mjs';

const JOBS = fileURLToPath(new URL('client-jobs.mjs', import.meta.url));
const JOB_MS = 120_000;

/** Starts the measuring process. Returns how to give it a job (client-jobs.mjs), and at most how long, and get the result. */
export function startClient(scope) {
  const child = scope.process(fork(JOBS, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }));
  const died = once(child, 'exit').then(([code]) => {
    throw new Error(`the measuring process ended with ${code}`);
  });
  died.catch(() => {}); // Between jobs, as at the end of it all, its end is nobody's failure.
  const give = async (job, params, limitMs = JOB_MS) => {
    child.send({ job, ...params });
    const [answer] = await within(limitMs, job, Promise.race([once(child, 'message'), died]));
    if (answer.error !== undefined) throw new Error(`${job}: ${answer.error}`);
    return answer.result;
  };
  return Object.assign(give, { pid: child.pid });
}
