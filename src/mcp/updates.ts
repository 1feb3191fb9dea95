import type { McpServer } from '@modelcontextprotocol/server';
import type { Runtime, RuntimeEvent } from '../rpc/client/index.ts';
import { channelUri } from './uri.ts';

/** How often the sizes of channels are compared while commands run. */
const LOOK_MS = 500;

/** Tells a client when channels that it subscribed to have grown, and when their commands have ended (SPEC {#mcp_resources}). */
export class Updates {
  readonly #server: McpServer;
  readonly #told: (uri: string) => boolean;
  /** Bytes of the channels of live commands when they were last looked at, by URI. */
  #sizes = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #looking = false;

  /** `told` says whether the client wants to hear of a URI. */
  constructor(server: McpServer, told: (uri: string) => boolean) {
    this.#server = server;
    this.#told = told;
  }

  /** Follows the project's commands until the runtime is gone, and tells `heard` of each event. Never throws. */
  async follow(runtime: Runtime, heard: (event: RuntimeEvent) => void): Promise<void> {
    try {
      const events = runtime.events();
      await this.#look(runtime);
      for await (const event of events) {
        heard(event);
        const { name, params } = event;
        if (name === 'stream/started') {
          this.#server.sendResourceListChanged();
          await this.#look(runtime);
        } else if (name === 'stream/ended') {
          for (const { path } of params.channels) this.#tell(channelUri(params.run, path));
        }
      }
    } catch {
      // The runtime is closed; `follow` is called again with the next one.
    } finally {
      this.#stop();
    }
  }

  async #look(runtime: Runtime): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      const sizes = new Map<string, number>();
      for (const { run, channels } of await runtime.look('stream/list', { state: 'live' })) {
        for (const { path, bytes } of channels) sizes.set(channelUri(run, path), bytes);
      }
      for (const [uri, bytes] of sizes) if (bytes > (this.#sizes.get(uri) ?? 0)) this.#tell(uri);
      this.#sizes = sizes;
    } catch {
      // The connection was lost: the next look compares again.
    } finally {
      this.#looking = false;
    }
    if (this.#sizes.size === 0) this.#stop();
    else this.#timer ??= setInterval(() => void this.#look(runtime), LOOK_MS).unref();
  }

  #tell(uri: string): void {
    if (this.#told(uri)) this.#server.server.sendResourceUpdated({ uri }).catch(() => {});
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
