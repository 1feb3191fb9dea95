import { type AgentConnection, type AgentContext, agent, methods, type Stream } from '@agentclientprotocol/sdk';
import { traceparentIn } from '../core/trace-context.ts';
import { Editor, type EditorOptions } from './editor.ts';
import { toRequestError } from './errors.ts';

/** Serves one editor over a stream until it goes; what runs goes on without it (SPEC {#acp_initialize}). */
export function serveEditor(stream: Stream, options: EditorOptions): AgentConnection {
  const editor = new Editor(options);
  const guarded =
    <P, R>(handle: (params: P, context: { client: AgentContext; signal: AbortSignal }) => Promise<R> | R) =>
    async (context: { params: P; client: AgentContext; signal: AbortSignal }): Promise<R> => {
      try {
        return await handle(context.params, context);
      } catch (error) {
        throw toRequestError(error);
      }
    };
  const { session, initialize, authenticate } = methods.agent;
  const connection = agent({ name: 'headgate' })
    .onRequest(
      initialize,
      guarded((params) => editor.initialize(params)),
    )
    .onRequest(
      authenticate,
      guarded(() => ({})),
    )
    .onRequest(
      session.new,
      guarded((params, { client }) => editor.create(params, client)),
    )
    .onRequest(
      session.load,
      guarded((params, { client }) => editor.open(params, client, 'all')),
    )
    .onRequest(
      session.resume,
      guarded((params, { client }) => editor.open(params, client, 'live')),
    )
    .onRequest(
      session.list,
      guarded((params) => editor.list(params)),
    )
    .onRequest(
      session.close,
      guarded(({ sessionId }) => editor.closeSession(sessionId)),
    )
    .onRequest(
      session.setMode,
      guarded(({ sessionId, modeId }) => editor.setMode(sessionId, modeId)),
    )
    .onRequest(
      session.setConfigOption,
      guarded((params) => editor.setOption(params)),
    )
    .onRequest(
      session.prompt,
      guarded(({ sessionId, prompt, _meta }, { signal }) =>
        editor.prompt(sessionId, prompt, { signal, traceparent: traceparentIn(_meta) }),
      ),
    )
    .onNotification(session.cancel, ({ params }) => editor.cancel(params))
    .connect(stream);
  connection.signal.addEventListener('abort', () => void editor.close(), { once: true });
  return connection;
}
