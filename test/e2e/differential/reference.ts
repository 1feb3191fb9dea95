import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import type Docker from 'dockerode';
import type { Line } from './corpus.ts';
import { codeOf, type Outcome } from './outcome.ts';

/** The words that a line is run as, without Headgate. */
export function argvOf({ shell, text, alone }: Line): [string, ...string[]] {
  return [shell === 'bash' ? 'bash' : '/bin/sh', '-c', alone ? `exec ${text}` : text];
}

/**
 * Runs a line here, its output behind two pipes that are read to their end. Pipes with a name for a moment: those that Node makes for its
 * children are sockets, which no program can open by name.
 */
export async function runHere(line: Line, cwd: string, env: NodeJS.ProcessEnv): Promise<Outcome> {
  const [program, ...words] = argvOf(line);
  const pipes = makePipes(2);
  const child = spawn(program, words, {
    cwd,
    env: { ...process.env, ...env },
    // A session of its own: a line may signal its whole group.
    detached: true,
    stdio: ['ignore', ...pipes.map(({ write }) => write)],
  });
  const exit = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  for (const { write } of pipes) closeSync(write);
  const [[code, signal], stdout, stderr] = await Promise.all([exit, ...pipes.map(({ read }) => wholeOf(new Socket({ fd: read })))]);
  return { stdout: stdout ?? Buffer.alloc(0), stderr: stderr ?? Buffer.alloc(0), code: codeOf(code, signal) };
}

/** Runs a line in a container, as `docker exec` does. */
export async function runInContainer(line: Line, cwd: string, env: Readonly<Record<string, string>>, container: Docker.Container) {
  const Env = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const exec = await container.exec({ Cmd: argvOf(line), AttachStdout: true, AttachStderr: true, WorkingDir: cwd, Env });
  const stream = await exec.start({});
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  container.modem.demuxStream(stream, stdout, stderr);
  const both = Promise.all([wholeOf(stdout), wholeOf(stderr)]);
  stream.once('end', () => {
    stdout.end();
    stderr.end();
  });
  const [out, err] = await both;
  const { ExitCode } = await exec.inspect();
  return { stdout: out, stderr: err, code: codeOf(ExitCode, null) };
}

function makePipes(count: number): { read: number; write: number }[] {
  const folder = mkdtempSync(join(tmpdir(), 'headgate-pipes-'));
  const names = Array.from({ length: count }, (_, i) => join(folder, `${i}`));
  execFileSync('mkfifo', names);
  const pipes = names.map((name) => {
    const read = openSync(name, constants.O_RDONLY | constants.O_NONBLOCK);
    return { read, write: openSync(name, constants.O_WRONLY) };
  });
  rmSync(folder, { recursive: true });
  return pipes;
}

async function wholeOf(stream: NodeJS.ReadableStream): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part as Buffer);
  return Buffer.concat(parts);
}
