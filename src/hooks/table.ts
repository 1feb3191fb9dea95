import type { ModelMessage } from '../model/ports/model-provider.ts';
import type { Entry, LoopMode, RunSettings } from '../model/records.ts';
import type { ChannelDigest, ChannelReader, RunView } from './views.ts';

/** What a hook is: the handlers of an `event` are called and return nothing, those of a `filter` are given a value and return the next one. */
export type HookKind = 'event' | 'filter';

/** One row of the hook table (SPEC {#hooks}). */
export interface HookDef {
  readonly kind: HookKind;
  /** When it is called and what it is for, one sentence. */
  readonly summary: string;
  /** What happens when a handler throws, rejects, or is not done in time. */
  readonly onThrow: string;
}

const EVENT_THROW = 'the plugin is named in the log and in ui/notify; the other handlers are still told';
const FILTER_THROW = 'the value goes on as it came; the plugin is named in the log and in ui/notify';

/** Every hook there is: the types, PLUGINS.md and the registry are held to this table. */
export const HOOKS = {
  'server.started': { kind: 'event', summary: 'The server is ready and interrupted loops go on.', onThrow: EVENT_THROW },
  'run.created': { kind: 'event', summary: 'A run exists.', onThrow: EVENT_THROW },
  'loop.started': { kind: 'event', summary: 'A prompt left the queue.', onThrow: EVENT_THROW },
  'loop.ended': { kind: 'event', summary: 'A prompt was answered, failed or was aborted.', onThrow: EVENT_THROW },
  'turn.started': { kind: 'event', summary: 'A turn began; its context is not assembled yet.', onThrow: EVENT_THROW },
  'turn.ended': { kind: 'event', summary: 'All actions of a turn have ended or run in the background.', onThrow: EVENT_THROW },
  'proposal.created': { kind: 'event', summary: 'A proposal waits for an answer.', onThrow: EVENT_THROW },
  'proposal.resolved': { kind: 'event', summary: 'A proposal was answered.', onThrow: EVENT_THROW },
  'producer.started': { kind: 'event', summary: 'An accepted proposal has channels.', onThrow: EVENT_THROW },
  'producer.ended': { kind: 'event', summary: 'A producer ended, however it ended.', onThrow: EVENT_THROW },
  'stream.cancelled': { kind: 'event', summary: 'Somebody cancelled a producer, which has not ended yet.', onThrow: EVENT_THROW },
  'entry.changed': { kind: 'event', summary: 'An entry was written, removed or changed status.', onThrow: EVENT_THROW },
  'proposal.verdict': {
    kind: 'filter',
    summary: 'Decides on a proposal before anybody is asked: `allow`, `ask` or `deny`.',
    onThrow: 'the verdict is `ask`; the plugin is named in the log and in ui/notify',
  },
  'tools.offered': { kind: 'filter', summary: 'The names of the tools that a turn may use.', onThrow: FILTER_THROW },
  'tools.docs': { kind: 'filter', summary: 'The text that tells the model what one tool is for.', onThrow: FILTER_THROW },
  'context.assemble': { kind: 'filter', summary: 'The parts that a turn shows to the model.', onThrow: FILTER_THROW },
  'channel.digest': { kind: 'filter', summary: 'What the model is shown of one channel.', onThrow: FILTER_THROW },
} as const satisfies Record<string, HookDef>;

export type HookName = keyof typeof HOOKS;
export type EventName = { [N in HookName]: (typeof HOOKS)[N]['kind'] extends 'event' ? N : never }[HookName];
export type FilterName = { [N in HookName]: (typeof HOOKS)[N]['kind'] extends 'filter' ? N : never }[HookName];

/** Present in the payload of everything that is about a run. */
export interface RunScope {
  readonly projectId: number;
  /** Alias of the run. */
  readonly run: string;
}

export interface LoopScope extends RunScope {
  /** Sequence number of the loop in its run. */
  readonly loop: number;
  readonly mode: LoopMode;
}

export interface TurnScope extends LoopScope {
  readonly turn: number;
}

export interface ProposalScope extends RunScope {
  /** The log entry's path. */
  readonly path: string;
}

/** What the handlers of each event are told. */
export interface EventPayloads {
  'server.started': Readonly<Record<string, never>>;
  'run.created': RunScope & { readonly model: string };
  'loop.started': LoopScope & { readonly prompt: string };
  'loop.ended': LoopScope & { readonly status: number; readonly outcome: string | null; readonly result: string | null };
  'turn.started': TurnScope;
  'turn.ended': TurnScope & { readonly text: string };
  'proposal.created': ProposalScope & { readonly action: string; readonly summary: string };
  'proposal.resolved': ProposalScope & { readonly action: string; readonly status: number; readonly by: string };
  'producer.started': ProposalScope & { readonly command: string; readonly runner: string };
  'producer.ended': ProposalScope & { readonly status: number; readonly outcome: string | null };
  'stream.cancelled': ProposalScope & { readonly reason: string | null };
  'entry.changed': ProposalScope & { readonly status: number; readonly outcome: string | null; readonly removed: boolean };
}

export type Verdict = 'allow' | 'ask' | 'deny';

/** One message of the packet that a turn shows to the model, with where its text comes from. */
export interface ContextPart {
  /** Loop, turn, rank: parts are shown in this order, equal ones in the order in which they were added. */
  readonly position: readonly [loop: number, turn: number, rank: number];
  readonly message: ModelMessage;
  /** What is quoted, for the turn's context record: path and byte range. */
  readonly pieces: readonly { readonly path: string; readonly from: number; readonly to: number }[];
  /** The log entry whose result this is; plugins that add to it look here. */
  readonly entry?: Entry;
}

/** The value that each filter passes on, and what its handlers are told beside it. */
export interface FilterTypes {
  'proposal.verdict': {
    value: Verdict;
    payload: ProposalScope & {
      readonly tool: string;
      readonly input: Readonly<Record<string, unknown>>;
      readonly command: string | null;
      /** `model`, or the name of the client whose own command it is. */
      readonly by: string;
    };
  };
  'tools.offered': { value: readonly string[]; payload: LoopScope & { readonly settings: RunSettings } };
  'tools.docs': { value: string; payload: LoopScope & { readonly tool: string } };
  'context.assemble': { value: readonly ContextPart[]; payload: TurnScope & { readonly view: RunView } };
  'channel.digest': { value: ChannelDigest; payload: ProposalScope & { readonly reader: ChannelReader; readonly maxBytes: number } };
}

export type FilterValue<N extends FilterName> = FilterTypes[N]['value'];
export type FilterPayload<N extends FilterName> = FilterTypes[N]['payload'];
