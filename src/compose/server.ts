import { AsyncLocalStorage } from 'node:async_hooks';
import { realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { createBackends, sweepContainers, sweepHosts, Warden } from '../backends/index.ts';
import { sweepSpool } from '../backends/process/index.ts';
import { sharedSurvey } from '../backends/survey.ts';
import { bootId } from '../core/boot-id.ts';
import { poisonReleased } from '../core/buffer-pool.ts';
import { systemClock } from '../core/clock.ts';
import { defined } from '../core/defined.ts';
import { Disposer } from '../core/disposal.ts';
import { messageOf } from '../core/errors.ts';
import { systemIds } from '../core/ids.ts';
import { COLLECTOR_KEYS, wantsTraces } from '../core/trace-context.ts';
import type { Plugin } from '../hooks/plugin.ts';
import { createProviders, KEY_VARIABLES, providerOf } from '../llm/index.ts';
import type { Metrics } from '../metrics/index.ts';
import type { ModelProvider } from '../model/ports/model-provider.ts';
import { producerIdOf } from '../model/producer-id.ts';
import type { Producer, Run } from '../model/records.ts';
import { LIVE_STATES } from '../model/status.ts';
import { bundledPlugins, mcp, webSearch } from '../plugins/index.ts';
import { Redaction, redactedLogger } from '../redact/index.ts';
import { isLoopbackHost, type MessageChannelLike, type MetricsPage, RpcServer, readTls, type TlsFiles } from '../rpc/server/index.ts';
import { createRunner } from '../runner/index.ts';
import { createRuntime, DiskNotices, deleteRun, emptyConfig, loadConfig, type ServerConfig } from '../runtime/index.ts';
import { openStore } from '../store/index.ts';
import { dropOutput, type EndedCommand, Journal, Streams } from '../stream/index.ts';
import { serveEditorSocket } from './acp-socket.ts';
import { AddedProviders } from './added-providers.ts';
import { leaveToOriginal } from './data-copy.ts';
import { DecisionLog } from './decision-log.ts';
import { dataPaths, makePrivate, readOrMakeToken, removeServerRecord, userFolder, writeServerRecord } from './server-files.ts';
import { serverLog } from './server-log.ts';
import { shownConfig } from './shown-config.ts';

/** What a server is made of, whether it listens or not. */
export interface RuntimeOptions {
  /** Folder of database, sockets, token and spool; made when missing, mode 0700. */
  readonly data: string;
  /** Configuration file with plugins and providers (SPEC {#config}). */
  readonly config?: string;
  /** The unix socket; `headgate.sock` in the data folder when left out. */
  readonly socket?: string;
  /** Instead of the data folder's own token. */
  readonly token?: string;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly version: string;
  /** Folder of the built portal; none: there is no page. */
  readonly portal?: string;
  /** Origins of web pages that may connect beside the server's own. */
  readonly allowedOrigins?: readonly string[];
  /** Where a proxy in front of the server is reached (SPEC {#proxy}). */
  readonly publicUrl?: URL;
  /** Addresses and networks of proxies whose X-Forwarded-For is believed (SPEC {#trusted_proxy}). */
  readonly trustedProxies?: readonly string[];
  /** Who reads `/metrics`: with `loopback` programs on this machine without a token; none: nothing is counted (SPEC {#metrics}). */
  readonly metrics?: 'token' | 'loopback';
  /** Seconds that a runner may be away before what it has is lost; 30 by default. */
  readonly runnerLease?: number;
}

export interface ServerOptions extends RuntimeOptions {
  /** 127.0.0.1 when left out; another address is reached by other machines too. */
  readonly host?: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Set: connections over HTTP are encrypted (SPEC {#tls}). */
  readonly tls?: TlsFiles;
  /** True: listens beyond loopback without TLS, which is refused otherwise (SPEC {#listen}). */
  readonly insecureListen?: boolean;
}

/** A server that listens. */
export interface HeadgateServer {
  readonly url: string;
  readonly http: string;
  readonly socket: string;
  readonly token: string;
  readonly pid: number;
  /** Where the original of the data folder is; set when this start has found that it is a copy (SPEC {#data_copy}). */
  readonly copyOf?: string;
  /** Stops serving in order: connections, loops, runner, store. Commands go on and are taken up by the next start. */
  close(): Promise<void>;
}

/**
 * Composes a server and starts it. Throws a named error when the data folder is in use, the database is another
 * version's or damaged, the configuration is wrong or the port is taken; then nothing stays open.
 */
export async function serveHeadgate(options: ServerOptions): Promise<HeadgateServer> {
  const opened = new Disposer();
  try {
    return await listen(options, opened);
  } catch (error) {
    await opened.close();
    throw error;
  }
}

/** A server without listeners: only its holder can call it. */
export interface ClosedServer {
  /** Serves one client that may do everything. */
  accept(channel: MessageChannelLike): void;
  /** Stops serving in order. Commands go on and are taken up by the next start. */
  close(): Promise<void>;
}

/** Composes a server without any listener: no port, no socket. Throws as `serveHeadgate` does. */
export async function openHeadgate(options: RuntimeOptions): Promise<ClosedServer> {
  const opened = new Disposer();
  try {
    const { server, start, close } = await compose(options, opened);
    await start();
    return { accept: (channel) => void server.accept(channel), close };
  } catch (error) {
    await opened.close();
    throw error;
  }
}

/** The program's plugins, the search of the web, and MCP when servers are configured. */
function bundledWith({ mcp: servers, webSearch: engine, folder }: ServerConfig, version: string): readonly Plugin[] {
  const plugins = [...bundledPlugins, webSearch(engine, process.env)];
  if (Object.keys(servers).length === 0) return plugins;
  return [...plugins, mcp({ servers, folder, env: process.env, version })];
}

/**
 * Ends every command that runs without a server, with receipts, and serves no client meanwhile: no loop goes on (SPEC {#cli_stop}). Throws
 * `conflict` while a server has the data folder.
 */
export async function endOutlived(options: RuntimeOptions): Promise<EndedCommand[]> {
  const opened = new Disposer();
  try {
    const { streams } = await compose(options, opened);
    return await streams.endCommands({ by: 'headgate stop', reason: 'no server runs, and none is to go on with it' });
  } finally {
    await opened.close();
  }
}

async function compose(options: RuntimeOptions, opened: Disposer) {
  poisonReleased(process.env['HEADGATE_CHECK_BUFFERS'] === '1');
  const clock = systemClock;
  const ids = systemIds;
  const plain = serverLog(options.logLevel);
  const paths = dataPaths(options.data);
  makePrivate(paths.folder);
  const config = options.config === undefined ? emptyConfig(paths.folder) : await loadConfig(options.config);
  const added = new AddedProviders(paths.providers);
  const providers = { ...added.all, ...config.providers };
  const withheld = [
    ...KEY_VARIABLES,
    ...COLLECTOR_KEYS,
    ...Object.values(providers).flatMap(({ apiKeyEnv }) => apiKeyEnv ?? []),
    ...(config.webSearch?.apiKeyEnv === undefined ? [] : [config.webSearch.apiKeyEnv]),
  ];
  const redaction = new Redaction(config.redaction, process.env);
  const logger = redactedLogger(plain, redaction);

  // The store is there before those who tell of it.
  const later: { notices?: DiskNotices; expire?: (run: Run) => void; drop?: (entryId: number) => void } = {};
  const state: { unready: 'starting' | 'disk_full' | undefined } = { unready: 'starting' };
  const diskFull = (full: boolean) => {
    if (state.unready !== 'starting') state.unready = full ? 'disk_full' : undefined;
    later.notices?.full(full);
  };
  const expire = (run: Run) => later.expire?.(run);
  const drop = (entryId: number) => later.drop?.(entryId);
  // What counts is loaded only where somebody reads it.
  const metrics = options.metrics && new (await import('../metrics/index.ts')).Metrics(clock);
  const tracing = wantsTraces(process.env) ? await import('../tracing/index.ts') : undefined;
  const spans = tracing?.exportSpans({ service: 'headgate', version: options.version, logger });
  if (spans) opened.add('the spans', () => spans.close());
  const plainStore = await openStore({
    file: paths.database,
    clock,
    logger,
    diskFull,
    retention: config.retention,
    expire,
    dropOutput: drop,
  });
  opened.add('the store', () => plainStore.close());
  const store = metrics?.store(plainStore) ?? plainStore;
  const { copyOf, movedFrom } = store.folder;
  if (copyOf !== undefined) leaveToOriginal(paths, copyOf);
  if (movedFrom !== undefined)
    logger.warn(
      { data: paths.folder, from: movedFrom },
      'the data folder has been moved; commands that run write how they end to where it was, so until then make a link there: ln -s DATA FROM',
    );
  const token = options.token ?? readOrMakeToken(paths.token, ids);

  const journal = new Journal({ store, logger });
  const told = new DiskNotices({ store, journal, logger });
  later.notices = told;
  later.expire = (run) => deleteRun({ store, journal }, run);
  later.drop = (entryId) => dropOutput({ store, journal, clock }, entryId);
  opened.add('the notices', () => told.close());
  const lease = options.runnerLease ?? config.runnerLease;
  const { quietMs, leftoverBytes, leftoverMs } = config.limits;
  const rest = { bytes: leftoverBytes, ms: leftoverMs };
  // Whose call is being carried out; kept only where it is written down.
  const from = config.decisionLog && new AsyncLocalStorage<string>();
  if (config.decisionLog) {
    const file = resolve(config.folder, config.decisionLog.file);
    const decisions = new DecisionLog({
      ...config.decisionLog,
      file,
      store,
      mask: (text) => redaction.text(text),
      from: () => from?.getStore(),
      logger,
    });
    journal.onEvent((event) => decisions.event(event));
  }
  if (metrics) journal.onEvent((event) => metrics.event(event));
  const plainStreams = new Streams({
    store,
    journal,
    clock,
    logger,
    redaction,
    ...(lease === undefined ? {} : { leaseMs: lease * 1000 }),
    ...defined({ quietMs }),
  });
  opened.add('the streams', () => plainStreams.close());
  const counted = metrics?.streams(plainStreams) ?? plainStreams;
  const traces = tracing && spans && new tracing.Traces({ store, clock, sink: spans });
  if (traces) journal.onEvent((event) => traces.event(event));
  const streams = traces?.streams(counted) ?? counted;
  const seen = (provider: ModelProvider) => {
    const one = metrics?.provider(provider) ?? provider;
    return traces?.provider(one) ?? one;
  };
  const warden = new Warden({ folder: paths.producers, logger });
  opened.add('the sign of life', () => warden.end());
  const backends = createBackends({
    folder: paths.producers,
    warden,
    clock,
    logger,
    withheld,
    allow: config.environment?.allow,
    // With the configuration in a project, a command could change what the next start makes of its sandbox.
    hidden: [paths.folder, options.socket ?? paths.socket, ...(options.config === undefined ? [] : [options.config])],
    freeBytes: config.limits.freeBytes,
    spaceChanged: (fact) => told.space(fact),
  });
  const runner = createRunner({
    name: 'embedded',
    link: streams.link,
    backends,
    clock,
    logger,
    bootId: bootId(),
    outputBytes: config.limits.outputBytes,
    rest,
  });
  opened.add('the runner', () => runner.close());
  streams.attachRunner(runner);

  const stop = { planned: false };
  const endWithServer = async () => {
    if (!stop.planned) return;
    const only = ({ spec, runner }: Producer) => spec.lifetime === 'server' && runner !== 'client';
    await streams.endCommands({ by: 'server', reason: 'the server stops, and its lifetime with it', only });
  };
  // Again once nobody starts anything any more.
  opened.add('the commands that end with the server', endWithServer);

  const runtime = await createRuntime({
    store,
    journal,
    streams,
    clock,
    logger,
    providers: createProviders(providers, process.env).map(seen),
    addedProviders: {
      get all() {
        return Object.fromEntries(Object.entries(added.all).filter(([name]) => !(name in config.providers)));
      },
      add: (name, settings) => {
        added.add(name, settings);
        if (settings.apiKeyEnv !== undefined) withheld.push(settings.apiKeyEnv);
        return seen(providerOf(name, settings, process.env));
      },
    },
    bundled: bundledWith(config, options.version),
    plugins: config,
    prices: config.prices,
    dataFolder: paths.folder,
    userFolder: userFolder(process.env),
    sandbox: config.sandbox,
    canSandbox: async (root) => (await backends.get('process')?.canSandbox?.(root)) ?? false,
    lifetime: config.lifetime,
    redaction,
    limits: config.limits,
    agents: config.agents,
    policy: config.policy,
  });
  opened.add('the runtime', () => runtime.close());

  // Before the plugins whose code it runs.
  const plugins = createRunner({
    name: 'server',
    link: streams.link,
    backends: runtime.kinds,
    clock,
    logger,
    bootId: bootId(),
    outputBytes: config.limits.outputBytes,
    rest,
  });
  opened.add('the producers of plugins', () => plugins.close());
  streams.attachRunner(plugins);

  const server = new RpcServer({
    runtime,
    streams,
    journal,
    store,
    clock,
    ids,
    logger,
    version: options.version,
    serverId: ids.token(9),
    tokens: [{ token, scope: 'admin' }],
    outputBytes: config.limits.outputBytes,
    rest,
    limits: config.limits,
    redaction,
    ...defined({
      portal: options.portal,
      observer: metrics,
      allowedOrigins: options.allowedOrigins,
      publicUrl: options.publicUrl,
      trustedProxies: options.trustedProxies,
      from,
    }),
    ...(metrics ? { metrics: pageOf(metrics, options.metrics === 'loopback') } : {}),
    traces: traces !== undefined,
    unready: () => state.unready,
    acp: (channel, accept) => serveEditorSocket(channel, accept, { version: options.version, logger }),
    config: () => shownConfig(config, added.all, redaction),
    survey: sharedSurvey(() => new Map([...backends, ...runtime.kinds]), clock),
    checkResults: process.env['HEADGATE_CHECK_RESULTS'] === '1',
  });
  opened.add('the server', () => server.close());
  metrics?.watch(store, () => server.load);
  journal.commit('durable', () => {
    if (copyOf !== undefined) {
      const lost = streams.disown(
        `this data folder is a copy of ${copyOf}, and the command belongs to the original: nothing was done to it, and what it does from now on is not seen here`,
      );
      runtime.disown(`this server, on a copy of ${copyOf},`);
      logger.warn(
        { data: paths.folder, original: copyOf, lost },
        "the data folder is a copy: the commands that it says are running are the original's and are left alone",
      );
    }
    store.folder.settle();
  });
  // Before anyone can connect and accept something new; loops go on only once the port is ours.
  const live = store.producers.list({ states: LIVE_STATES, leftover: true });
  const keep = new Set(live.map(producerIdOf));
  warden.begin();
  sweepSpool({ folder: paths.producers, keep, logger });
  // An engine may take its time; nothing waits for it.
  void sweepContainers({ folder: paths.producers, clock, logger }, keep);
  void sweepHosts({ folder: paths.producers, clock, logger }, keep);
  streams.reconcile();
  const close = async () => {
    stop.planned = true;
    // While everyone is still told.
    await endWithServer().catch((error: unknown) =>
      logger.error({ error: messageOf(error) }, 'commands could not be ended with the server'),
    );
    await opened.close();
  };
  const start = async () => {
    await runtime.start();
    state.unready = undefined;
  };
  return { server, start, streams, logger, token, paths, copyOf, close };
}

function pageOf(metrics: Metrics, openToLoopback: boolean): MetricsPage {
  return { contentType: metrics.contentType, text: () => metrics.text(), openToLoopback };
}

async function listen(options: ServerOptions, opened: Disposer): Promise<HeadgateServer> {
  const tls = options.tls && readTls(options.tls);
  const { server, start, logger, token, paths, copyOf, close } = await compose(options, opened);
  const unexpected = (error: unknown) => logger.error({ error: messageOf(error) }, 'an unhandled failure; the server goes on');
  process.on('unhandledRejection', unexpected);
  opened.add('the handler of failures', () => void process.off('unhandledRejection', unexpected));
  const listening = await server.listen({
    port: options.port,
    allowRemote: options.insecureListen ?? false,
    ...defined({ tls, host: options.host }),
  });
  if (!tls && !isLoopbackHost(listening.host)) {
    logger.warn(
      { host: listening.host },
      'other machines can reach this server, and the token travels unencrypted: put TLS in front of it',
    );
  }
  const socket = options.socket ?? paths.socket;
  await server.listenUnix(socket);

  await start();
  const { url, http } = listening;
  const { version, publicUrl, allowedOrigins, trustedProxies } = options;
  const data = realpathSync(paths.folder);
  writeServerRecord(paths.record, {
    ...{ pid: process.pid, url, http, socket, data, version },
    ...defined({ publicUrl: publicUrl?.href, allowedOrigins, trustedProxies }),
  });
  opened.add('the record', () => removeServerRecord(paths.record));
  logger.info({ url, socket, data: paths.folder, pid: process.pid }, 'ready');
  return { url, http, socket, token, pid: process.pid, ...defined({ copyOf }), close };
}
