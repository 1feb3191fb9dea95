export { createProcessBackend } from './process-backend.ts';
export { sweepSpool } from './sweep.ts';
