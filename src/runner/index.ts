export { producerIdOf } from './producer-id.ts';
export { createRunner, type Runner } from './runner.ts';
