export type { GrantedScope } from './access.ts';
export { isLoopbackHost } from './access.ts';
export type { MetricsPage } from './probes.ts';
export { type Listening, RpcServer, type RpcServerOptions } from './rpc-server.ts';
export { readTls, type TlsFiles } from './tls.ts';
export { memoryPair } from './transports/memory.ts';
export type { MessageChannelLike } from './transports/message-channel.ts';
