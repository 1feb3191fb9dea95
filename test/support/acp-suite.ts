import { mkdtemp, realpath } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { ClientCapabilities } from '@agentclientprotocol/sdk';
import { afterAll, afterEach } from 'vitest';
import { stringify } from 'yaml';
import { AcpEditor } from './acp-editor.ts';
import { WireClient } from './built-server.ts';
import { type LiveServer, liveServer } from './live-server.ts';
import { writeFiles } from './project.ts';

/** A server and the editors that the tests of a file open on it; each test works in a folder of its own. */
export class AcpSuite {
  readonly live: LiveServer;
  readonly #isShared: boolean;
  readonly #editors = new Map<string, AcpEditor>();

  constructor(live: LiveServer, isShared: boolean) {
    this.live = live;
    this.#isShared = isShared;
  }

  /** An editor that has initialized; the one from before where tests share it, with nothing on its screen. */
  async editor(capabilities: ClientCapabilities = {}): Promise<AcpEditor> {
    const key = this.#isShared ? JSON.stringify(capabilities) : String(this.#editors.size);
    const known = this.#editors.get(key);
    if (known) {
      known.clear();
      return known;
    }
    const editor = new AcpEditor([], { cwd: this.live.root, data: this.live.data });
    this.#editors.set(key, editor);
    await editor.initialize(capabilities);
    return editor;
  }

  /** A folder that is a project of its own. */
  async folder(): Promise<string> {
    return await realpath(await mkdtemp(join(this.live.root, 'p-')));
  }

  /** Adds a model that plays these steps in a folder, and returns its alias. */
  async scenario(client: WireClient, folder: string, steps: readonly object[]): Promise<string> {
    const alias = `play-${folder.slice(-6)}`;
    await writeFiles(folder, { 'scenario.yaml': stringify(steps) });
    await client.call('addModel', { alias, actual: 'scenario.yaml', provider: 'scripted' });
    return alias;
  }

  /** A client of another kind in the same project. */
  async other(folder: string): Promise<WireClient> {
    const client = await WireClient.connect(this.live.server);
    this.live.clients.push(client);
    await client.call('init', { name: basename(folder), projectRoot: folder, client: { name: 'other' } });
    return client;
  }

  async close(): Promise<void> {
    const editors = [...this.#editors.values()];
    this.#editors.clear();
    await Promise.all(editors.map((editor) => editor.close()));
  }
}

/** A suite for this file; its editors go after each test, or after the last where the tests share them. */
export function acpSuite({ shared = false } = {}): AcpSuite {
  const suite = new AcpSuite(liveServer(), shared);
  (shared ? afterAll : afterEach)(() => suite.close());
  return suite;
}

/** The run that a session stands for. */
export function runOf(sessionId: string): string {
  return sessionId.split('@')[0] ?? '';
}
