import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SEQ_BYTES, SEQ_LINE } from '../lib/seq.mjs';
import { shellQuoted } from '../lib/shell.mjs';
import { percentile } from '../lib/stats.mjs';
import { testService } from '../lib/test-service.mjs';

const run = promisify(execFile);

const LINES = 5_000_000;
const INTERVAL_MS = 20;
const WARM_UP = 25;
const AT_MOST = 1.5;

/** Prints the monotonic clock in nanoseconds before each write; perl, because it is in every Debian and starts at once. */
const ticker = (lines) =>
  shellQuoted([
    'perl',
    '-MTime::HiRes=clock_gettime,CLOCK_MONOTONIC,usleep',
    '-e',
    `$| = 1; for (1 .. ${lines}) { printf "%.0f\\n", clock_gettime(CLOCK_MONOTONIC) * 1e9; usleep(${INTERVAL_MS * 1000}) }`,
  ]);

/** What gives a container of the small image this machine's perl. With it comes a second sh; Headgate runs /bin/sh. */
const MOUNTS = [
  { source: '/usr', target: '/usr', read_only: true },
  { source: '/usr/lib', target: '/lib', read_only: true },
  { source: '/usr/lib64', target: '/lib64', read_only: true },
];
const VOLUMES = MOUNTS.flatMap(({ source, target }) => ['-v', `${source}:${target}:ro`]);

async function dockerd(scope) {
  const { startDocker, BUSYBOX } = await testService('dockerd');
  const service = await startDocker();
  scope.add(() => service.stop());
  return { host: service.host, image: BUSYBOX };
}

/** The places: how Headgate is asked for one, and the words of the tool that people use for it. */
const PLACES = {
  ssh: {
    tool: 'ssh host command',
    async open(scope) {
      const { Sshd } = await testService('sshd');
      const sshd = await Sshd.start();
      scope.add(() => sshd.stop());
      const { host, port, user, identity, known_hosts: known } = sshd.place();
      const options = ['-F', 'none', '-o', `UserKnownHostsFile=${known}`, '-o', 'BatchMode=yes', '-p', `${port}`, '-i', identity];
      return { place: { ssh: sshd.place() }, words: (command) => ['ssh', ...options, `${user}@${host}`, command] };
    },
  },
  container: {
    tool: 'docker run',
    async open(scope) {
      const { host, image } = await dockerd(scope);
      const run = ['run', '--rm', '--network', 'none', ...VOLUMES, image];
      return {
        place: { container: { host, image, network: 'none', mounts: MOUNTS } },
        words: (command) => ['docker', '-H', host, ...run, '/bin/sh', '-c', command],
      };
    },
  },
  'container-exec': {
    tool: 'docker exec',
    async open(scope) {
      const { host, image } = await dockerd(scope);
      const name = 'headgate-bench';
      await run('docker', ['-H', host, 'run', '-d', '--network', 'none', ...VOLUMES, '--name', name, image, 'sleep', '2147483647']);
      return {
        place: { container: { host, container: name } },
        words: (command) => ['docker', '-H', host, 'exec', name, '/bin/sh', '-c', command],
      };
    },
  },
  tmux: {
    tool: 'tmux pipe-pane',
    terminal: true,
    async open(scope) {
      const folder = scope.folder();
      let count = 0;
      return {
        place: { tmux: { socket: join(folder, 'ours') } },
        words(command) {
          const [socket, fifo] = [join(folder, `tmux-${++count}`), join(folder, `fifo-${count}`)];
          const tmux = `tmux -S ${socket} -f /dev/null`;
          const script = `mkfifo ${fifo}; ${tmux} new-session -d "$1"; ${tmux} pipe-pane 'exec cat > ${fifo}'; ${tmux} send-keys Enter; exec cat ${fifo}`;
          return ['sh', '-c', script, 'sh', `read go; ${command}; sleep 0.2`];
        },
      };
    },
  },
  pty: {
    tool: 'script',
    terminal: true,
    async open() {
      return { place: { backend: 'pty' }, words: (command) => ['script', '-q', '-f', '-e', '-c', command, '/dev/null'] };
    },
  },
};

/** Throughput and line latency of one backend, each beside the tool that it stands for, doing the same work. */
function backend(name, { tool, terminal, open }) {
  const results = [
    {
      name: `${name}-throughput`,
      what: `\`${SEQ_LINE}\` (38.9 MB) on the ${name} backend, from the acceptance to its end at one client, stored`,
      unit: 's',
    },
    {
      name: `${name}-latency`,
      what: `a line every ${INTERVAL_MS} ms on the ${name} backend, from before its write to the client, p50`,
      unit: 'us',
    },
  ].map((result) => ({ ...result, floor: tool, against: tool, target: { atMost: AT_MOST } }));
  return {
    results,
    drivesServer: true,
    async measure({ client, server, scope, memo, quick }) {
      const { place, words } = (memo.opened ??= await open(scope));
      const count = WARM_UP + (quick ? 100 : 300);
      const whole = SEQ_BYTES + (terminal ? LINES : 0);
      const ours = await client('headgateThroughput', { server, command: SEQ_LINE, carriage: 'raw', place });
      const native = await client('pipeThroughput', { command: words(SEQ_LINE) });
      for (const { bytes } of [ours, native]) if (bytes < whole) throw new Error(`${bytes} bytes arrived instead of ${whole}`);
      const lines = [
        await client('headgateLatency', { server, command: ticker(count), place }),
        await client('pipeLatency', { command: words(ticker(count)) }),
      ].map((us) => percentile(us.slice(WARM_UP), 50));
      return {
        [`${name}-throughput`]: { value: ours.seconds, floor: native.seconds, peers: {} },
        [`${name}-latency`]: { value: lines[0], floor: lines[1], peers: {} },
      };
    },
  };
}

export const backends = Object.entries(PLACES).map(([name, place]) => backend(name, place));
