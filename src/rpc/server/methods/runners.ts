import { HeadgateError } from '../../../core/errors.ts';
import { PROTOCOL_VERSION, type ResultOf } from '../../protocol/table.ts';
import type { Call, Handlers } from '../handler.ts';

type RunnerMethod =
  | 'runner/register'
  | 'runner/heartbeat'
  | 'runner/started'
  | 'runner/completed'
  | 'runner/failed'
  | 'runner/killed'
  | 'runner/leftover'
  | 'runner/persist'
  | 'runner/drain'
  | 'runner/forget'
  | 'runner/list';

/** Runners: what they tell is what the embedded one tells, over the same link (SPEC {#runner_register}). */
export const runnerHandlers: Handlers<RunnerMethod> = {
  'runner/register': ({ store, resume, draining, boot_id: bootId = null, for: runs = [], protocol, version = '', ...offer }, call) => {
    call.session.requireRequests();
    if (protocol !== undefined && protocol !== PROTOCOL_VERSION) {
      throw new HeadgateError(
        'conflict',
        `runner "${offer.name}" (Headgate ${version || 'of unknown version'}) speaks protocol ${protocol}, this server (Headgate ${call.parts.version}) speaks ${PROTOCOL_VERSION}; install the same version on both`,
        { protocol: PROTOCOL_VERSION, version: call.parts.version },
      );
    }
    const { storeId } = call.parts.streams.fleet;
    if (store !== undefined && store !== storeId && resume !== undefined && resume.length > 0) {
      throw new HeadgateError(
        'conflict',
        'the commands in the state folder of this runner belong to another database; connect it to that server, or start it with another --data folder',
        { store: storeId },
      );
    }
    const { runner } = call.session;
    const names = (resume ?? []).map(({ producer }) => producer);
    const {
      runner: record,
      leaseMs,
      adopt,
      release,
    } = runner.register({ ...offer, runs, version, draining: draining ?? false, resume: names }, bootId);
    call.afterAnswer(() => runner.begin());
    return {
      runner: record.name,
      epoch: record.epoch,
      lease_ms: leaseMs,
      output_bytes: call.parts.outputBytes,
      ...(call.parts.rest ? { rest: { ...call.parts.rest } } : {}),
      store: storeId,
      adopt: [...adopt],
      release: release as ResultOf<'runner/register'>['release'],
    };
  },

  'runner/heartbeat': (_, call) => {
    call.parts.streams.fleet.seen(call.session.runner.require());
    return {};
  },

  'runner/started': ({ producer, epoch, ref }, call) => {
    call.parts.streams.link.started(leased(call, producer), epoch, ref);
    return {};
  },

  'runner/completed': async ({ producer, epoch, exitCode = null, signal = null, durationMs = null, ...held }, call) => {
    const entryId = leased(call, producer);
    await call.parts.streams.link.completed(entryId, epoch, { exitCode, signal, durationMs, ...given(held) });
    if (!held.followed) call.session.runner.forget(entryId);
    return {};
  },

  'runner/failed': async ({ producer, epoch, ...failure }, call) => {
    const entryId = leased(call, producer);
    await call.parts.streams.link.failed(entryId, epoch, given(failure));
    if (!failure.followed) call.session.runner.forget(entryId);
    return {};
  },

  'runner/killed': ({ producer, epoch, receipt }, call) => {
    call.parts.streams.link.killed(leased(call, producer), epoch, receipt);
    return {};
  },

  'runner/leftover': ({ producer, epoch, processes, limit = null, gone }, call) => {
    const entryId = leased(call, producer);
    call.parts.streams.link.left(entryId, epoch, { pids: processes, limit, gone });
    if (gone) call.session.runner.forget(entryId);
    return {};
  },

  'runner/persist': async (_, call) => {
    call.session.runner.require();
    await call.parts.streams.link.persist();
    return {};
  },

  'runner/drain': ({ runner }, call) => {
    const { fleet } = call.parts.streams;
    const name = runner ?? call.session.runner.require().name;
    if (runner !== undefined) requireOwner(call, name);
    fleet.drain(name);
    return { runner: name, live: fleet.list().find((one) => one.name === name)?.live ?? 0 };
  },

  'runner/forget': ({ runner }, call) => {
    requireOwner(call, runner);
    call.parts.streams.fleet.forget(runner);
    return { runner };
  },

  'runner/list': (_, call) =>
    call.parts.streams.fleet.list().map(({ name, labels, backends, capacity, live, state, epoch, lastSeen, owner, runs, version }) => ({
      name,
      labels: [...labels],
      backends: [...backends],
      capacity,
      live,
      state,
      epoch,
      lastSeen,
      owner,
      for: [...runs],
      version,
    })),
};

/** Who registered a runner decides over it, and scope `admin` does. Throws `forbidden` (SPEC {#runner_owner}). */
function requireOwner(call: Call, runner: string): void {
  const { grant } = call.session;
  if (grant.scope === 'admin' || call.parts.streams.fleet.ownerOf(runner) === grant.name) return;
  throw new HeadgateError(
    'forbidden',
    `runner "${runner}" is not of "${grant.name}"; who registered it decides over it, and scope "admin"`,
    {
      runner,
    },
  );
}

/** The log entry of a producer that a registered runner has. Throws `not_found`, `conflict`, `stale_epoch`. */
function leased(call: Call, producer: string): number {
  const { instance } = call.session.runner.require();
  return call.parts.streams.fleet.entryOf(producer, instance);
}

/** Without the fields that were left out. */
function given<T extends object>(params: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(params).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}
