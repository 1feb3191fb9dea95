import { type AgentContext, methods, type SessionUpdate } from '@agentclientprotocol/sdk';
import type { ClientTraits } from './client-traits.ts';

/** Where the updates of one session go, in the order in which they are sent. */
export class Outlet {
  readonly client: AgentContext;
  readonly traits: ClientTraits;
  readonly sessionId: string;
  #isClosed = false;

  constructor(client: AgentContext, traits: ClientTraits, sessionId: string) {
    this.client = client;
    this.traits = traits;
    this.sessionId = sessionId;
  }

  /** Sends an update; resolves when the editor's pipe has taken it, so that a fast writer waits. Does nothing once the editor is gone. */
  async send(update: SessionUpdate): Promise<void> {
    if (this.#isClosed) return;
    await this.client.notify(methods.client.session.update, { sessionId: this.sessionId, update }).catch(() => {});
  }

  /** Nothing is sent any more. */
  close(): void {
    this.#isClosed = true;
  }

  /** A short message to people, outside of any answer. */
  async notice(severity: 'info' | 'warning' | 'error', title: string): Promise<void> {
    if (this.traits.notices) return await this.send({ sessionUpdate: 'notice', severity, title });
    await this.send({ sessionUpdate: 'agent_thought_chunk', content: { type: 'text', text: `${title}\n` } });
  }
}
