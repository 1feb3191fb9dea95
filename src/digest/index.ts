export { type DigestedChannel, Digests } from './digests.ts';
export type { DigestText, TerminalSize } from './types.ts';
