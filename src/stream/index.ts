export { channelEntries, channelNumber, waitingOf } from './channels.ts';
export { dropOutput } from './drop-output.ts';
export type { EndedCommand } from './end-commands.ts';
export type { Registration, RunnerOffer } from './fleet.ts';
export { Journal, type JournalTx } from './journal.ts';
export { endOffset, writtenSince } from './leftover-facts.ts';
export type { LineMatch, ReadRequest, ReadResult } from './read.ts';
export { Streams } from './streams.ts';
export { HIGH_WATER_BYTES } from './subscription.ts';
export type {
  CancelRequest,
  ChannelState,
  ChunkPiece,
  ClientEnd,
  ClosedFact,
  EndedFact,
  GapFact,
  ProducerPlan,
  ProducerView,
  ReceiptView,
  StreamSelector,
  StreamSink,
  StreamSubscription,
} from './types.ts';
