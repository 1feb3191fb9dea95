export { type ProjectRef, projectOf } from '../rpc/node/index.ts';
