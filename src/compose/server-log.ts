import { writeSync } from 'node:fs';
import { pino } from 'pino';
import type { Logger } from '../core/logger.ts';

const STANDARD_ERROR = 2;

/**
 * The server's own log on standard error, one JSON object a line. Nothing that becomes of it ends the server: lines that cannot be written, because
 * the disk is full (ENOSPC), the reader has gone (EPIPE) or the terminal has (EIO), are lost and counted, and the next that can be is
 * preceded by how many (SPEC {#server_log}).
 *
 * @param write - writes some bytes and returns how many; standard error when left out
 */
export function serverLog(level: string, write = (bytes: Buffer) => writeSync(STANDARD_ERROR, bytes)): Logger {
  let lost = 0;
  let torn = false;
  const put = (text: string) => {
    let left = Buffer.from(text);
    try {
      while (left.length > 0) {
        left = left.subarray(write(left));
        torn = left.length > 0;
      }
      return true;
    } catch {
      return false;
    }
  };
  const line = (text: string) => {
    // What was written of a line that did not fit is ended, so that the next one begins on its own.
    const note =
      lost === 0
        ? ''
        : `${torn ? '\n' : ''}${JSON.stringify({ level: 40, time: Date.now(), lost, msg: 'lines of this log could not be written' })}\n`;
    if (note !== '' && !put(note)) {
      lost += 1;
      return;
    }
    lost = put(text) ? 0 : 1;
  };
  return pino({ level, base: null }, { write: line });
}
