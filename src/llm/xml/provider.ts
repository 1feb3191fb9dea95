import { systemIds } from '../../core/ids.ts';
import { ModelFailure } from '../../model/model-failure.ts';
import type { ModelEvent, ModelProvider, ModelRequest } from '../../model/ports/model-provider.ts';
import { tagTools } from './grammar.ts';
import { CallReader } from './reader.ts';
import { xmlMessages } from './render.ts';

/** An answer with its calls; an entry holds 4 MiB, and longer texts would cost more to read than they can be worth. */
const MAX_CHARS = 8 * 1024 * 1024;

/** A provider that also understands `dialect: xml`: requests are written in it and answers read from it (SPEC {#dialect_xml}). */
export function withDialect(provider: ModelProvider): ModelProvider {
  return {
    ...provider,
    ask: (request, signal) =>
      (request.dialect ?? provider.dialect) === 'xml' && request.tools.length > 0
        ? ask(provider, request, signal)
        : provider.ask(request, signal),
  };
}

async function* ask(provider: ModelProvider, request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelEvent> {
  const tools = tagTools(request.tools);
  const reader = new CallReader(tools, () => `xml-${systemIds.token(9)}`);
  const messages = xmlMessages(request.messages, tools);
  let called = false;
  let characters = 0;
  for await (const event of provider.ask({ ...request, messages, tools: [] }, signal)) {
    if (event.type === 'text') {
      characters += event.text.length;
      if (characters > MAX_CHARS)
        throw new ModelFailure('model_cut', `The answer of the model is longer than ${MAX_CHARS} characters. Ask for less at once.`);
      const text = reader.push(event.text);
      if (text !== '') yield { type: 'text', text };
    } else if (event.type === 'finish') {
      const { text, calls } = reader.end(event.reason === 'length');
      if (text !== '') yield { type: 'text', text };
      yield* calls;
      called ||= calls.length > 0;
      yield called && event.reason === 'stop' ? { ...event, reason: 'calls' } : event;
    } else {
      called = true;
      yield event;
    }
  }
}
