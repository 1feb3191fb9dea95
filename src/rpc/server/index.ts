export type { GrantedScope } from './access.ts';
export { isLoopbackHost } from './access.ts';
export type { MetricsPage } from './http/probes.ts';
export { readTls, type TlsFiles } from './http/tls.ts';
export { type Listening, RpcServer, type RpcServerOptions } from './rpc-server.ts';
export { memoryPair } from './transports/memory.ts';
export type { MessageChannelLike } from './transports/message-channel.ts';
