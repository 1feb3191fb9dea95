export { leftOverFolders, spoolExtent } from './left-over.ts';
export { identify, readAlive } from './proc.ts';
export { createProcessBackend } from './process-backend.ts';
export { createPtyBackend } from './pty-backend.ts';
export { sweepSpool } from './sweep.ts';
