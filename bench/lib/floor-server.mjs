// child -> Node -> ws client and nothing else: what a Node server cannot be faster than. It prints its URL.
// A client sends one message, {command: [program, ...arguments]}; each piece of stdout is one binary message. With
// {commands: [[program, ...arguments], ...]} all of them are started and their output goes to every client.
import { spawn } from 'node:child_process';
import { WebSocketServer } from 'ws';

const running = new Set();

function start([program, ...args], take) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  running.add(child);
  child.once('close', () => running.delete(child));
  child.stdout.on('data', take);
  return child;
}

function endAll() {
  for (const child of running) child.kill('SIGKILL');
}

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
server.on('listening', () => console.log(`ws://127.0.0.1:${server.address().port}/`));
server.on('connection', (socket) => {
  socket.once('message', (data) => {
    const { command, commands } = JSON.parse(data);
    if (commands !== undefined) {
      for (const each of commands) start(each, (bytes) => server.clients.forEach((client) => client.send(bytes)));
      socket.once('close', endAll);
      return;
    }
    const child = start(command, (bytes) => socket.send(bytes));
    child.once('close', () => socket.close());
    socket.once('close', () => child.kill('SIGKILL'));
  });
});

process.once('SIGTERM', () => {
  endAll();
  process.exit(0);
});
