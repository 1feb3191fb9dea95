export { createTmuxBackend } from './tmux-backend.ts';
