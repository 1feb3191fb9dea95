export { type Action, actionOf, leftoverLine, type Members, placeLine, type Question, type RulesToRemember } from '../protocol/action.ts';
export type { MethodName, NotificationName, NotificationParamsOf, ParamsOf, ResultOf } from '../protocol/table.ts';
export { browserWebSocket } from './browser-websocket.ts';
export { type CallOptions, RpcClient } from './client.ts';
export { CommandInput, InputCutOff } from './command-input.ts';
export { ConnectionClosed, DataReplaced, RpcError, StreamClosed, UnsupportedError } from './errors.ts';
export type { EventsOptions, RuntimeEvent } from './event-stream.ts';
export type { FollowedChunk, FollowOptions, StreamEnd } from './follow.ts';
export { type Need, needsOf } from './needs.ts';
export type { ConnectionOptions, ConnectionState } from './reconnecting.ts';
export { refusalOf } from './refusal.ts';
export { type Ending, endWord } from './run/end-word.ts';
export { entriesOf } from './run/entries.ts';
export { LiveWords } from './run/live-words.ts';
export {
  type Item,
  kindOf,
  type Notice,
  type Prompt,
  type RunFacts,
  RunModel,
  type Stale,
  type Trouble,
  type Words,
} from './run/run-model.ts';
export { RunName } from './run/run-name.ts';
export { type RunInfo, RunReader, type RunReaderListener } from './run/run-reader.ts';
export { type Entry, isLeftover, isLive, isOver, type Step, type StepState, stateWord, toolOfPath, turnOfPath } from './run/step.ts';
export { connectRuntime, type Runtime } from './runtime.ts';
export type { Transport } from './transport.ts';
