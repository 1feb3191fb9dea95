export { PLAYED_BYTES, type Played, play, type ScreenPicture } from './play.ts';
export type { ScreenSize } from './screen.mjs';
