import type WebSocket from 'ws';

/** Calls whenever bytes come on a connection that is being opened, also when they are no whole message yet. */
export function onBytes(socket: WebSocket, heard: () => void): void {
  // Not before `ws` listens itself: the first bytes go to the listeners of that moment.
  socket.once('upgrade', (response) => socket.once('open', () => response.socket.on('data', heard)));
}
