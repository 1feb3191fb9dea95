import { PassThrough } from 'node:stream';
import pc from 'picocolors';
import { describe, expect, it } from 'vitest';
import { ByteSink } from '../../../src/cli/byte-sink.ts';
import { Screen } from '../../../src/cli/screen.ts';

function screenOn(isTTY: boolean): { screen: Screen; text: () => string } {
  const stream = Object.assign(new PassThrough(), { isTTY });
  const screen = new Screen(new ByteSink(stream), pc.createColors(false));
  return { screen, text: () => (stream.read() as Buffer | null)?.toString() ?? '' };
}

const write = (channel: { write(bytes: Buffer): Promise<void> }, text: string) => channel.write(Buffer.from(text));

describe('the live view of command output', () => {
  it('shows unfinished lines at once on a terminal, and goes on in them', async () => {
    const { screen, text } = screenOn(true);
    const channel = screen.channel('| ');
    await write(channel, 'pass');
    expect(text()).toBe('| pass');
    await write(channel, 'word:\nnext');
    expect(text()).toBe('word:\n| next');
  });

  it('shows whole lines elsewhere, the last one at the end', async () => {
    const { screen, text } = screenOn(false);
    const channel = screen.channel('| ');
    await write(channel, 'one\ntw');
    expect(text()).toBe('| one\n');
    await channel.end();
    expect(text()).toBe('| tw\n');
  });

  it('ends an unfinished line before anything else is shown', async () => {
    const { screen, text } = screenOn(true);
    const [out, err] = [screen.channel('| '), screen.channel('! ')];
    await write(out, 'abc');
    await write(err, 'oops\n');
    await write(out, 'def\n');
    screen.line('done');
    expect(text()).toBe('| abc\n! oops\n| def\ndone\n');
  });

  it('acts out a progress bar: over itself on a terminal, only the last state elsewhere', async () => {
    const terminal = screenOn(true);
    const bar = terminal.screen.channel('| ');
    await write(bar, '10%\r50%\r');
    await write(bar, '100%\n');
    expect(terminal.text()).toBe('| 10%\r\u001b[K| 50%\r\u001b[K| 100%\n');
    const pipe = screenOn(false);
    const piped = pipe.screen.channel('| ');
    await write(piped, '10%\r50%\r');
    await write(piped, '100%\r\n');
    expect(pipe.text()).toBe('| 100%\n');
  });

  it('keeps escape sequences, bells and backspaces of a command away from the terminal, and characters whole', async () => {
    const { screen, text } = screenOn(true);
    const channel = screen.channel('| ');
    const bytes = Buffer.from('\u001b[2J\u0007\u0008é漢\n');
    for (const byte of bytes) await channel.write(Buffer.from([byte]));
    await channel.end();
    expect(text()).toBe('| é漢\n');
  });

  it('shows a passing status only on a terminal and takes it away', () => {
    const terminal = screenOn(true);
    terminal.screen.status('thinking ...');
    terminal.screen.line('answer');
    expect(terminal.text()).toBe('thinking ...\r\u001b[Kanswer\n');
    const pipe = screenOn(false);
    pipe.screen.status('thinking ...');
    pipe.screen.line('answer');
    expect(pipe.text()).toBe('answer\n');
  });
});
