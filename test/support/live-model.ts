import type { LiveServer } from './live-server.ts';
import { type OpenAiServer, openAiServer } from './openai-server.ts';

/** Opens the server with a model behind a real HTTP server, under the provider's own name; close the model after the server. */
export async function openWithModel(live: LiveServer): Promise<OpenAiServer> {
  const model = await openAiServer();
  Object.assign(live.env, { HEADGATE_OPENAI_BASE_URL: model.url, HEADGATE_OPENAI_API_KEY: 'none' });
  await live.open();
  return model;
}
