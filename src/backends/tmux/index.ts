export { RemoteTmux } from './remote-tmux.ts';
export { createTmuxBackend } from './tmux-backend.ts';
