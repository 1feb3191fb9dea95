import type { AgentContext, SessionNotification } from '@agentclientprotocol/sdk';
import { describe, expect, it } from 'vitest';
import { Editor } from '../../../src/acp/editor.ts';
import { Link } from '../../../src/acp/link.ts';
import { deferred } from '../../../src/core/deferred.ts';
import type { Runtime } from '../../../src/rpc/client/index.ts';

/** The turns of the event loop that an answer of a server may take. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}

describe('{#acp_session} opening a session', () => {
  it.each(['new', 'load'] as const)('session/%s is answered before the editor hears of what happens in it', async (how) => {
    const sent = deferred<SessionNotification>();
    let isSent = false;
    const notify = async (_: string, update: SessionNotification) => {
      isSent = true;
      sent.resolve(update);
    };
    const answers: Readonly<Record<string, unknown>> = { getRun: { model: 'scripted' }, getModels: [] };
    const runtime = {
      call: async () => ({ run: 'r' }),
      look: async (method: string) => {
        await turns();
        return answers[method] ?? [];
      },
      events: () => (async function* () {})(),
      onConnection: () => {},
    } as unknown as Runtime;
    const editor = new Editor({
      version: '1',
      connect: async () => new Link(runtime, '/project'),
      folder: '/project',
      model: 'scripted',
      mode: 'act',
      log: () => {},
    });
    const client = { notify } as unknown as AgentContext;
    const asked = { cwd: '/project', mcpServers: [{ name: 'tickets', command: '/bin/true', args: [], env: [] }] };
    const { sessionId } = await editor.create(asked, client);
    if (how === 'load') {
      await sent.promise;
      isSent = false;
      await editor.open({ sessionId, ...asked }, client, 'all');
    }
    expect(isSent).toBe(false);
    expect(await sent.promise).toMatchObject({ sessionId });
  });
});
