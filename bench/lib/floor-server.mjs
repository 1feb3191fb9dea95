// child -> Node -> ws client and nothing else: what a Node server cannot be faster than. It prints its URL.
// A client sends one message, {command: [program, ...arguments]}; each piece of stdout is one binary message.
import { spawn } from 'node:child_process';
import { WebSocketServer } from 'ws';

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
server.on('listening', () => console.log(`ws://127.0.0.1:${server.address().port}/`));
server.on('connection', (socket) => {
  socket.once('message', (data) => {
    const [program, ...args] = JSON.parse(data).command;
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    child.stdout.on('data', (bytes) => socket.send(bytes));
    child.once('close', () => socket.close());
    socket.once('close', () => child.kill('SIGKILL'));
  });
});
