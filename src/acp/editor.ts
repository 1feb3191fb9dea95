import type {
  AgentContext,
  CancelNotification,
  InitializeRequest,
  McpServer,
  SessionConfigOption,
  SessionModeState,
  SetSessionConfigOptionRequest,
} from '@agentclientprotocol/sdk';
import { messageOf } from '../core/errors.ts';
import { visibleLine } from '../core/visible-text.ts';
import { type ClientTraits, capabilities, traitsOf } from './client-traits.ts';
import { EditorSession } from './editor-session.ts';
import { badParams } from './errors.ts';
import type { Connect, Link } from './link.ts';
import type { Mode, PromptCall } from './loops.ts';
import { Outlet } from './outlet.ts';
import { Projects, runOf, sessionIdOf, unknownSession } from './projects.ts';
import { promptText } from './prompt-text.ts';
import { sessionPage } from './session-list.ts';
import { configOptions, modeOf, modeState } from './settings.ts';

/** The settings with which an editor is served. */
export interface EditorOptions {
  readonly version: string;
  readonly connect: Connect;
  /** Folder whose runs are listed where the editor names none; left out: only those of folders that it opened. */
  readonly folder?: string;
  /** Model of new sessions; else HEADGATE_MODEL, else the first that was added, else `scripted`. */
  readonly model?: string | undefined;
  /** Agent of others that drives new sessions, in place of the built-in loop (SPEC {#agents}). */
  readonly agent?: string | undefined;
  /** Mode of new sessions. */
  readonly mode: Mode;
  /** Called with lines for a log, which no editor shows. */
  readonly log: (line: string) => void;
}

/** What the response to every request that opens a session contains. */
interface Settings {
  readonly modes: SessionModeState;
  readonly configOptions: SessionConfigOption[];
}

/** One editor and the sessions that it has open. */
export class Editor {
  readonly #options: EditorOptions;
  readonly #projects: Projects;
  readonly #sessions = new Map<string, EditorSession>();
  #traits: ClientTraits = traitsOf(undefined);

  constructor(options: EditorOptions) {
    this.#options = options;
    this.#projects = new Projects(options.connect);
  }

  initialize(params: InitializeRequest) {
    this.#traits = traitsOf(params);
    return capabilities(this.#options.version);
  }

  async create(params: { cwd: string; mcpServers: McpServer[]; additionalDirectories?: string[] }, client: AgentContext) {
    const link = await this.#project(params);
    const { agent } = this.#options;
    const { run, model } = await link.runtime.call('startRun', agent === undefined ? { model: await this.#model(link) } : { agent });
    const session = this.#add(link, params.cwd, { run, model, agent }, client);
    const settings = await this.#settings(link, session);
    this.#afterAnswer(session, params.mcpServers);
    return { sessionId: session.sessionId, ...settings };
  }

  async open(
    params: { sessionId: string; cwd: string; mcpServers?: McpServer[]; additionalDirectories?: string[] },
    client: AgentContext,
    only: 'all' | 'live',
  ): Promise<Settings> {
    const link = await this.#project(params);
    const run = runOf(params.sessionId, link.root);
    const { model, agent } = await link.runtime.look('getRun', { run });
    this.#sessions.get(params.sessionId)?.close();
    const session = this.#add(link, params.cwd, { run, model, agent }, client);
    await session.show(only);
    const settings = await this.#settings(link, session);
    this.#afterAnswer(session, params.mcpServers ?? []);
    return settings;
  }

  async list({ cwd, cursor }: { cwd?: string | null; cursor?: string | null }) {
    const { folder: own } = this.#options;
    const folders = cwd ? [cwd] : [...new Set([...(own === undefined ? [] : [own]), ...this.#projects.folders])];
    return await sessionPage(folders, (folder) => this.#projects.open(folder, this.#traits.name), cursor);
  }

  async closeSession(sessionId: string): Promise<object> {
    const session = this.#session(sessionId);
    if (session.isBusy) await session.cancel();
    session.close();
    this.#sessions.delete(sessionId);
    return {};
  }

  async setMode(sessionId: string, modeId: string): Promise<object> {
    const session = this.#session(sessionId);
    session.mode = modeOf(modeId);
    await session.tell({ sessionUpdate: 'config_option_update', configOptions: await this.#configOptions(session) });
    return {};
  }

  async setOption(params: SetSessionConfigOptionRequest): Promise<{ configOptions: SessionConfigOption[] }> {
    const { sessionId, configId, value } = params;
    const session = this.#session(sessionId);
    if (configId === 'mode') {
      session.mode = modeOf(value);
      await session.tell({ sessionUpdate: 'current_mode_update', currentModeId: session.mode });
    } else if (configId === 'model' && typeof value === 'string') {
      await session.useModel(value);
    } else {
      throw badParams(`there is no option ${configId}; there are mode and model`, { field: 'configId' });
    }
    return { configOptions: await this.#configOptions(session) };
  }

  async prompt(sessionId: string, prompt: Parameters<typeof promptText>[0], call: PromptCall) {
    const session = this.#session(sessionId);
    return { stopReason: await session.prompt(promptText(prompt, session.root), call) };
  }

  async cancel({ sessionId }: CancelNotification): Promise<void> {
    const session = this.#sessions.get(sessionId);
    if (!session) return this.#options.log(`session/cancel: session not found: ${sessionId}`);
    await session.cancel();
  }

  async close(): Promise<void> {
    for (const session of this.#sessions.values()) session.close();
    await this.#projects.close();
  }

  #session(sessionId: string): EditorSession {
    const session = this.#sessions.get(sessionId);
    if (!session) throw unknownSession(sessionId);
    return session;
  }

  /** The connection of the project that a request names. Throws -32602 for a request that names further folders. */
  async #project({ cwd, additionalDirectories = [] }: { cwd: string; additionalDirectories?: string[] }): Promise<Link> {
    if (additionalDirectories.length > 0)
      throw badParams('a session works in one folder; leave additionalDirectories out', { field: 'additionalDirectories' });
    return await this.#projects.open(cwd, this.#traits.name);
  }

  #add(link: Link, cwd: string, of: { run: string; model: string; agent: string | undefined }, client: AgentContext): EditorSession {
    const outlet = new Outlet(client, this.#traits, sessionIdOf(of.run, link.root));
    const connect = () => this.#projects.open(cwd, this.#traits.name);
    const session = new EditorSession({ outlet, connect, link, mode: this.#options.mode, ...of });
    this.#sessions.set(session.sessionId, session);
    return session;
  }

  /** Starts to show the session after the response has been sent: an editor does not know the session before that. */
  #afterAnswer(session: EditorSession, mcpServers: readonly McpServer[]): void {
    setImmediate(() => {
      session.start().catch((error: unknown) => this.#options.log(`session ${session.sessionId}: ${messageOf(error)}`));
      if (mcpServers.length > 0) void session.notice(unusedServers(mcpServers));
    });
  }

  async #model(link: Link): Promise<string> {
    if (this.#options.model) return this.#options.model;
    return (await this.#models(link)).find((alias) => alias !== 'scripted') ?? 'scripted';
  }

  async #models(link: Link): Promise<string[]> {
    return (await link.runtime.look('getModels', {})).map(({ alias }) => alias);
  }

  async #settings(link: Link, session: EditorSession): Promise<Settings> {
    return { modes: modeState(session.mode), configOptions: configOptions(session.mode, modelOf(session), await this.#models(link)) };
  }

  async #configOptions(session: EditorSession): Promise<SessionConfigOption[]> {
    const link = await this.#projects.open(session.root, this.#traits.name);
    return (await this.#settings(link, session)).configOptions;
  }
}

/** The model that an editor may change; an agent of others has its own. */
function modelOf({ agent, model }: EditorSession): string | undefined {
  return agent === undefined ? model : undefined;
}

/** The message about MCP servers that an editor brings: Headgate uses those of its configuration file, the same for every client. */
function unusedServers(servers: readonly McpServer[]): string {
  const names = servers.map(({ name }) => visibleLine(name)).join(', ');
  return `MCP servers of the editor are not used (${names}); name them in the file of headgate serve --config`;
}
