import { execFile } from 'node:child_process';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const LIMIT_MS = 120_000;
const END = 'the-output-ends-here';

/** Seconds that `tmux pipe-pane` takes to bring a command's output into a file, from the command's start to its last byte there. */
export async function pipePaneSeconds(scope, command) {
  const folder = scope.folder();
  const [socket, file] = [join(folder, 'tmux'), join(folder, 'out')];
  const tmux = (...args) => run('tmux', ['-S', socket, '-f', '/dev/null', ...args]);
  await tmux('new-session', '-d', '-x', '200', '-y', '50', `read go; ${command}; echo ${END}; read end`);
  scope.add(() => tmux('kill-server').catch(() => {}));
  await tmux('pipe-pane', '-o', `cat > ${file}`);
  while (!exists(file)) await delay(5);
  const start = performance.now();
  await tmux('send-keys', 'Enter');
  while (!tail(file).includes(`${END}\r\n`)) {
    if (performance.now() - start > LIMIT_MS) throw new Error('tmux pipe-pane did not bring the end of the output');
    await delay(5);
  }
  return (performance.now() - start) / 1000;
}

function exists(file) {
  try {
    closeSync(openSync(file, 'r'));
    return true;
  } catch {
    return false;
  }
}

/** Its last bytes. */
function tail(file) {
  const fd = openSync(file, 'r');
  try {
    const { size } = fstatSync(fd);
    const bytes = Buffer.alloc(Math.min(size, 64));
    readSync(fd, bytes, 0, bytes.length, size - bytes.length);
    return bytes.toString('latin1');
  } finally {
    closeSync(fd);
  }
}
