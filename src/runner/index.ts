export { serveAsRunner } from './remote/remote-runner.ts';
export { StateFolder } from './remote/state-folder.ts';
export { createRunner, type Runner } from './runner.ts';
