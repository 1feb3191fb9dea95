export { type ConnectOptions, connect } from './connect.ts';
export { type ProjectRef, projectOf } from './project.ts';
export type { ClientTls } from './websocket.ts';
