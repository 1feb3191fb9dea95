import WebSocket from 'ws';

/**
 * A client in a process of its own that asks a server every few milliseconds whether it lives, and notes the longest time that one answer
 * took. What the test itself does holds nothing of it up, and its own processor is not the test's.
 *
 * @type {{ url: string, token: string, everyMs: number }}
 */
const { url, token, everyMs } = JSON.parse(process.argv[2] ?? '');
const socket = new WebSocket(url, { headers: { authorization: `Bearer ${token}` } });
/** When each ping that has no answer yet was sent, by id. @type {Map<number, number>} */
const waiting = new Map();
let longestMs = 0;
let answers = 0;
let id = 0;
/** Answers that somebody waits for, and who is told. @type {{ least: number, call: () => void } | undefined} */
let report;

/** @param {number} sentAt */
const note = (sentAt) => {
  longestMs = Math.max(longestMs, performance.now() - sentAt);
};

socket.on('message', (data) => {
  const message = JSON.parse(data.toString());
  const sentAt = waiting.get(message.id);
  if (sentAt === undefined) return;
  waiting.delete(message.id);
  note(sentAt);
  answers += 1;
  if (report && id > 0 && message.id >= report.least) report.call();
});
socket.on('open', () => {
  setInterval(() => {
    id += 1;
    waiting.set(id, performance.now());
    socket.send(JSON.stringify({ jsonrpc: '2.0', id, method: 'ping' }));
  }, everyMs);
  process.send?.({ open: true });
});
socket.on('error', (error) => process.send?.({ failed: error.message }));
socket.on('close', () => process.send?.({ failed: 'the connection has ended' }));

process.on('message', () => {
  // Whoever asks is told once a ping has been answered that was sent after the question.
  report = {
    least: id + 1,
    call: () => {
      report = undefined;
      process.send?.({ longestMs, answers });
      longestMs = 0;
      answers = 0;
    },
  };
});
// Nobody is left to be told.
process.on('disconnect', () => process.exit());
