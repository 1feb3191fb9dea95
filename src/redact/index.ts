export { masked } from './mask.ts';
export { type MaskedChannels, maskedChannels, type ReadableChannels } from './masked-channels.ts';
export type { Matcher, Range } from './matcher.ts';
export { Redaction, type RedactionConfig, redactedLogger } from './redaction.ts';
export { Scanner } from './scanner.ts';
export { decidedEnd, maskedRead } from './window.ts';
