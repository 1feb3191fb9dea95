import { createBackends, sweepHosts, Warden } from '../backends/index.ts';
import type { RunnerOptions } from '../cli/host.ts';
import { systemClock } from '../core/clock.ts';
import { HeadgateError, isHeadgateError, messageOf } from '../core/errors.ts';
import { systemIds } from '../core/ids.ts';
import { COLLECTOR_KEYS, wantsTraces } from '../core/trace-context.ts';
import { StateFolder, serveAsRunner } from '../runner/index.ts';
import { lockDataFolder } from '../store/lock.ts';
import { serverLog } from './server-log.ts';

/**
 * Composes a runner and serves until it is stopped or drained. Throws `conflict` with who holds the folder, and what
 * the server has refused the first registration with.
 */
export async function runHeadgateRunner(options: RunnerOptions): Promise<'stopped' | 'drained'> {
  const { data, logLevel, ready, ...rest } = options;
  const clock = systemClock;
  const logger = serverLog(logLevel);
  const unexpected = (error: unknown) => logger.error({ error: messageOf(error) }, 'an unhandled failure; the runner goes on');
  const release = lock(data);
  process.on('unhandledRejection', unexpected);
  const tracing = wantsTraces(process.env) ? await import('../tracing/index.ts') : undefined;
  const spans = tracing?.exportSpans({ service: 'headgate-runner', version: options.version, logger });
  try {
    const folder = new StateFolder(data, systemIds);
    const observer = tracing && spans && new tracing.RunnerTraces({ clock, sink: spans });
    const warden = new Warden({ folder: folder.producers, logger });
    const backends = createBackends({ folder: folder.producers, warden, withheld: COLLECTOR_KEYS, hidden: [data], clock, logger });
    // Which of its commands are live only the server knows.
    void sweepHosts({ folder: folder.producers, clock, logger }, undefined);
    let told = false;
    const registered = () => {
      warden.begin();
      logger.info({ runner: rest.name, pid: process.pid }, 'registered');
      if (!told) ready();
      told = true;
    };
    return await serveAsRunner({ ...rest, folder, backends, clock, logger, registered, observer, away: () => warden.end() });
  } finally {
    await spans?.close();
    process.off('unhandledRejection', unexpected);
    release();
  }
}

function lock(data: string): () => void {
  try {
    return lockDataFolder(data, { pid: process.pid, startedAt: systemClock.now() });
  } catch (error) {
    if (!isHeadgateError(error, 'conflict')) throw error;
    const { pid } = error.facts;
    const who = typeof pid === 'number' ? `process ${pid}` : 'another process';
    throw new HeadgateError(
      'conflict',
      `${data} is in use by ${who}; stop that runner first, or start this one with another --data folder`,
      {
        ...error.facts,
      },
    );
  }
}
