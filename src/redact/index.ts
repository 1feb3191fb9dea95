export { redactedLogger } from './logger.ts';
export { masked } from './mask.ts';
export { type MaskedChannels, maskedChannels, type ReadableChannels } from './masked-channels.ts';
export type { Matcher, Range } from './matcher.ts';
export { Redaction, type RedactionConfig } from './redaction.ts';
export { Scanner } from './scanner.ts';
export { decidedEnd, maskedRead } from './window.ts';
