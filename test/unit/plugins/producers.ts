import { type RuntimeHarness, runtimeHarness } from '../runtime/harness.ts';

/** A server in which a model calls one tool, in a yolo run unless told otherwise. */
export async function toolHarness(options: object = {}) {
  const h: RuntimeHarness = await runtimeHarness(options);
  /** Lets the model call a tool; resolves with the end of the loop. The log entry is the newest of that action. */
  const call = (name: string, input: object, settings: object = { yolo: true }, mode: 'ask' | 'act' = 'act') => {
    h.model.answer({ kind: 'say', calls: [{ name, args: JSON.stringify(input) }] }, { kind: 'say', text: 'ok' });
    return h.runtime.prompt(h.caller(), mode, { prompt: 'x', model: 'm', wait: true, ...settings });
  };
  const log = (name: string) =>
    h.store.entries.list({ runId: h.runtime.requireRun(h.sight, 'm-1').id }).find(({ path }) => path.startsWith(`log://turn_1/${name}/`))!;
  const text = (name: string, channel: number): string => {
    const slug = log(name).path.split('/').at(-1)!;
    return h.entry('m-1', `${name}://turn_1/${slug}_${channel}`).body;
  };
  const until = async (test: () => boolean): Promise<void> => {
    while (!test()) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  /** Resolves when the channel holds the text. */
  const shows = (name: string, channel: number, wanted: string) => until(() => text(name, channel).includes(wanted));
  const cancel = (name: string) => {
    const { path } = log(name);
    h.streams.cancel(h.runtime.requireRun(h.sight, 'm-1').id, path, { by: 'test', reason: null });
  };
  return { h, call, log, text, until, shows, cancel };
}

export type ToolHarness = Awaited<ReturnType<typeof toolHarness>>;
