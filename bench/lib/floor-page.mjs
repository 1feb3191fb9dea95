/**
 * The least that a page can do with output: a WebSocket without authority, no store, the last lines in one text element, and nothing
 * that one could scroll to. It runs a command of the floor server and shows its end, as `tail -f` would.
 *
 * @returns resolves when the command has ended: bytes, seconds, and the milliseconds until the first ones were on the page
 */
export function followOnPage({ url, command, lines }) {
  document.body.innerHTML = '<pre></pre>';
  const shown = document.querySelector('pre');
  const start = performance.now();
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url);
    socket.binaryType = 'arraybuffer';
    const decoder = new TextDecoder();
    let tail = '';
    let bytes = 0;
    let firstMs = 0;
    let isDrawing = false;
    const draw = () => {
      isDrawing = false;
      tail = tail.split('\n').slice(-lines).join('\n');
      shown.textContent = tail;
      if (firstMs === 0) requestAnimationFrame(() => (firstMs = performance.now() - start));
    };
    socket.onopen = () => socket.send(JSON.stringify({ command }));
    socket.onmessage = ({ data }) => {
      bytes += data.byteLength;
      tail = tail.slice(-64 * 1024) + decoder.decode(data, { stream: true });
      if (!isDrawing) requestAnimationFrame(draw);
      isDrawing = true;
    };
    socket.onerror = () => reject(new Error('the floor server does not answer'));
    socket.onclose = () =>
      requestAnimationFrame(() => requestAnimationFrame(() => resolve({ bytes, firstMs, seconds: (performance.now() - start) / 1000 })));
  });
}
