export { type CallOptions, RpcClient } from './client.ts';
export { ConnectionClosed, RpcError, StreamClosed } from './errors.ts';
export type { FollowedChunk, FollowOptions, StreamEnd } from './follow.ts';
export { refusalOf } from './refusal.ts';
export type { Transport } from './transport.ts';
