import { catalogue } from '../../protocol/discover.ts';
import { openrpcDocument } from '../../protocol/openrpc.ts';
import { PROTOCOL_VERSION } from '../../protocol/table.ts';
import type { Handlers } from '../handler.ts';

/** Greeting and session (SPEC {#session}). */
export const sessionHandlers: Handlers<
  'ping' | 'discover' | 'getConfig' | 'rpc.discover' | 'init' | 'getProjects' | 'subscribe' | 'unsubscribe'
> = {
  ping: (_, { parts }) => ({ pong: true, at: parts.clock.now() }),
  discover: (_, { parts }) => catalogue(parts.runtime.pluginMethods),
  getConfig: (_, { parts }) => ({ ...parts.config() }),
  'rpc.discover': (_, { parts }) => openrpcDocument(parts.version, parts.runtime.pluginMethods) as { openrpc: string },

  init: ({ name, projectRoot, configPath, client }, { parts, session, afterAnswer }) => {
    const project = session.projects.open({ name, root: projectRoot, configPath: configPath ?? null });
    const lastSeq = session.bind(project, client?.name ?? 'client');
    afterAnswer(() => session.events.start());
    const { madeAt } = parts.store;
    return { project: project.name, protocol: PROTOCOL_VERSION, version: parts.version, lastSeq, madeAt, scope: session.grant.scope };
  },

  getProjects: (_, { session }) => session.projects.list().map(({ name, root }) => ({ name, projectRoot: root })),

  subscribe: ({ run, since }, { parts, session, caller, afterAnswer }) => {
    const { sight } = caller();
    session.requireNotifications();
    session.requireRoom('events');
    const known = run === undefined ? undefined : parts.runtime.requireRun(sight, run);
    let last = known?.alias ?? '';
    // Once the run is deleted its last alias is what the event of that is known by.
    const alias =
      known &&
      (() => {
        last = parts.store.runs.byId(known.id)?.alias ?? last;
        return last;
      });
    const { subscription, lastSeq, start } = session.events.subscribe(alias, since);
    afterAnswer(start);
    return { subscription, lastSeq };
  },

  unsubscribe: ({ subscription }, { session }) => {
    session.events.unsubscribe(subscription);
    return {};
  },
};
