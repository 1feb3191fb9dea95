export { createContainerBackend } from './container-backend.ts';
