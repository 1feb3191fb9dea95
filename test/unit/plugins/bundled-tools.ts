import { systemClock } from '../../../src/core/clock.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import type { ToolDefinition } from '../../../src/hooks/plugin.ts';
import { HookRegistry } from '../../../src/hooks/registry.ts';
import type { Store } from '../../../src/model/ports/store.ts';
import { bundledPlugins } from '../../../src/plugins/index.ts';
import { maskedChannels, Redaction } from '../../../src/redact/index.ts';
import { Kinds } from '../../../src/runtime/kinds/kinds.ts';
import { PluginHost } from '../../../src/runtime/plugin-host.ts';
import { PluginMethods } from '../../../src/runtime/plugin-methods.ts';
import type { Journal, Streams } from '../../../src/stream/index.ts';

const store = {} as Store;
const redaction = new Redaction();

/** A host with everything that is bundled, in which nothing is started. */
export const host = new PluginHost({
  hooks: new HookRegistry({ failed: () => {} }),
  logger: silentLogger,
  voice: { notify: () => {}, render: () => {} },
  // Nothing is started here.
  methods: new PluginMethods({
    store,
    streams: {} as Streams,
    journal: {} as Journal,
    logger: silentLogger,
    masked: maskedChannels(store, redaction),
    redaction,
  }),
  redaction,
  kinds: new Kinds({ store, clock: systemClock, logger: silentLogger }),
});
for (const plugin of bundledPlugins) await host.add(plugin);

/** Every tool that comes with the program. */
export function bundledTools(): { readonly name: string; readonly definition: ToolDefinition }[] {
  return host.list().flatMap(({ tools }) => tools.map((name) => ({ name, definition: host.tool(name)!.definition })));
}

/** The JSON examples in a tool's text. */
export function examplesOf({ doc }: Pick<ToolDefinition, 'doc'>): Record<string, unknown>[] {
  return [...doc.matchAll(/```json\n([\s\S]*?)```/g)].map(([, json]) => JSON.parse(json!) as Record<string, unknown>);
}
