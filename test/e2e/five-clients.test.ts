import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { stringify } from 'yaml';
import { seqs, until } from '../contract/runtime.contract.ts';
import { serve, WireClient } from '../support/built-server.ts';
import { Gate } from '../support/gate.ts';
import { LiveServer, stored } from '../support/live-server.ts';
import { release, waitsFor } from '../support/portal.ts';
import { writeFiles } from '../support/project.ts';
import { serviceAvailable } from '../support/require.ts';
import { AcpSeat } from '../support/seats/acp.ts';
import { AttachSeat } from '../support/seats/attach.ts';
import { NvimSeat } from '../support/seats/nvim.ts';
import { PortalSeat } from '../support/seats/portal.ts';
import { SdkSeat } from '../support/seats/sdk.ts';
import { type Command, cutOff, letBack, type Output, type Seat, SOON } from '../support/seats/seat.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 });

/** Another address of this machine: a page may connect from any loopback host on the server's own port, which a gate on 127.0.0.1 cannot have. */
const PAGE_HOST = '127.0.0.2';
const when = { mode: 'act', prompt: '/^sh: \\S/' };
/** What the model `scripted` does, but it waits for a command as long as it takes: a busy machine is slow. */
const PATIENT = [
  { when, calls: [{ tool: 'sh', input: { command: '{{prompt:/^sh: ([\\s\\S]+)/}}', yield_ms: 300_000 } }] },
  { when, say: 'It has ended.' },
];
const missing = (['chromium', 'nvim', 'tmux'] as const).some((service) => !serviceAvailable(service));

describe.skipIf(missing)('{#clients_together} one run in five clients at once', () => {
  const live = new LiveServer();
  let sdk: SdkSeat;
  let acp: AcpSeat;
  let attach: AttachSeat;
  let portal: PortalSeat;
  let nvim: NvimSeat;
  const seats: Seat[] = [];
  const gates: Gate[] = [];
  /** Everything that was proposed in the run. */
  const commands: Command[] = [];

  beforeAll(async () => {
    await live.open();
    const port = Number(new URL(live.server.http).port);
    const tcp = { host: '127.0.0.1', port };
    const unix = async (name: string) => {
      const socket = join(live.root, '..', `${name}.sock`);
      const gate = await Gate.open({ path: live.server.socket }, socket);
      gates.push(gate);
      return { gate, socket };
    };
    const own = await Gate.open(tcp);
    const page = await Gate.open(tcp, { host: PAGE_HOST, port });
    gates.push(own, page);
    await writeFiles(live.root, { 'patient.yaml': stringify(PATIENT) });
    const client = await beside();
    await client.call('addModel', { alias: 'patient', actual: 'patient.yaml', provider: 'scripted' });
    const editor = await unix('acp');
    const opened = async <T extends Seat>(opening: Promise<T>): Promise<T> => {
      const seat = await opening;
      seats.push(seat);
      return seat;
    };
    acp = await opened(AcpSeat.open(editor.gate, live, editor.socket, 'patient'));
    const [terminal, vim] = [await unix('attach'), await unix('nvim')];
    [sdk, attach, portal, nvim] = await Promise.all([
      opened(SdkSeat.open(own, live, acp.run)),
      opened(AttachSeat.open(terminal.gate, live, terminal.socket, acp.run)),
      opened(PortalSeat.open(page, live, PAGE_HOST, acp.run)),
      opened(NvimSeat.open(vim.gate, live, vim.socket, acp.run)),
    ]);
    seats.splice(0, seats.length, sdk, acp, attach, portal, nvim);
  });
  afterAll(async () => {
    for (const { gate } of seats) gate.state = 'open';
    await Promise.all(seats.map((seat) => seat.close()));
    for (const gate of gates) gate.close();
    await live.close();
  });

  /** Somebody else in the same project, whom nobody cuts off. */
  const beside = async () => {
    const client = await WireClient.connect(live.server);
    live.clients.push(client);
    await client.call('init', { name: 'project', projectRoot: live.root, client: { name: 'beside' } });
    return client;
  };

  /** Waits until no loop of the run is at work. */
  const idle = () =>
    vi.waitUntil(async () => {
      const { status } = await sdk.runtime.look('getRun', { run: acp.run });
      return ![102, 202].includes(status);
    }, SOON);
  const everybody = (look: (seat: Seat) => Promise<void>) => Promise.all(seats.map(look));
  /** A script of the project as a command, and what it does. */
  const script = async (name: string, text: string) => {
    await writeFiles(live.root, { [`${name}.sh`]: text });
    return `sh ${name}.sh`;
  };
  /** One of them proposes the script, all see it, another one accepts it, and all see that. */
  const proposed = async (name: string, text: string, maker: Seat, answerer: Seat): Promise<Command> => {
    await idle();
    const command = await script(name, text);
    await maker.propose(command);
    const made = { command, path: await sdk.path(command) };
    commands.push(made);
    await everybody((seat) => seat.proposed(made));
    await answerer.accept(made);
    await everybody((seat) => seat.answered(made, answerer.by));
    return made;
  };

  it('a proposal that is made in one is shown by all, answered in another, and its answer shown by all', async () => {
    const pairs: [string, Seat, Seat][] = [
      ['from-acp', acp, portal],
      ['from-portal', portal, nvim],
      ['from-nvim', nvim, attach],
      ['from-attach', attach, sdk],
      ['from-sdk', sdk, acp],
    ];
    for (const [name, maker, answerer] of pairs) {
      await proposed(name, `echo ${name}; ${waitsFor(`${name}.go`)}`, maker, answerer);
      await release(live, `${name}.go`);
    }
    await idle();
    expect(await Promise.all(acp.stops)).toEqual(['end_turn']);
  });

  it('what it writes has the same bytes in all of them', async () => {
    const text = Array.from({ length: 5200 }, (_, index) => `${index} größer – 日本語 𝄞 e\u0301 👩‍🚀 жизнь\n`)
      .join('')
      .concat('Schluß: 日本語\n');
    const written = { stdout: Buffer.from(text), stderr: Buffer.from('①②③④⑤⑥⑦⑧⑨⑩'.repeat(100)) };
    expect(written.stdout.length).toBeGreaterThan(300_000);
    // In pieces whose ends are anywhere in a character, with a pause after each.
    const parts = Array.from({ length: 40 }, (_, index) => index);
    const part = (bytes: Buffer, index: number) => {
      const size = Math.ceil(bytes.length / parts.length);
      return bytes.subarray(index * size, (index + 1) * size);
    };
    for (const index of parts) {
      await writeFiles(live.root, { [`out-${index}`]: part(written.stdout, index), [`err-${index}`]: part(written.stderr, index) });
    }
    const burst = `for n in ${parts.join(' ')}; do cat out-$n; cat err-$n >&2; sleep 0.01; done; ${waitsFor('burst.go')}`;
    const command = await proposed('burst', burst, portal, attach);
    await attach.see('Schluß: 日本語');
    await release(live, 'burst.go');
    await idle();
    for (const seat of seats) expect(hashes(await seat.output(command)), seat.constructor.name).toEqual(hashes(written));
  });

  it('a cancel from any of them is shown by all', async () => {
    for (const [index, seat] of seats.entries()) {
      const name = `cancelled-${index}`;
      const maker = seats[(index + 1) % seats.length] as Seat;
      const command = await proposed(name, `echo begun; ${waitsFor('never')}`, maker, sdk);
      await everybody((each) => each.running(command));
      await seat.cancel(command);
      await everybody((each) => each.cancelled(command));
    }
    await idle();
  });

  it('each of them that is cut off shows everything once when it is back, and so do all after kill -9 of the server', async () => {
    const rounds = [...seats.keys(), 'killed'] as const;
    const lines = (round: number) => `for i in $(seq ${round * 20 + 1} ${round * 20 + 20}); do echo line $i; done`;
    const text = [lines(0), ...rounds.map((round, index) => `${waitsFor(`go-${round}`)}; ${lines(index + 1)}`), waitsFor('go-end')].join(
      '\n',
    );
    const numbers = await proposed('numbers', text, sdk, portal);
    const place = { run: acp.run, path: numbers.path };
    let client = await beside();
    /** Something else that happens in the run. */
    const happens = async (name: string) => {
      const command = await script(name, 'true');
      const { path } = await client.call<{ path: string }>('sh', { run: acp.run, command });
      commands.push({ command, path });
      await client.call('run/resolve', { run: acp.run, resolution: { path, action: 'accept' } });
    };
    const seen = (last: number) => Promise.all(seats.map((seat) => seat.lines(numbers, `line ${last}`)));
    const size = (last: number) => Array.from({ length: last }, (_, index) => `line ${index + 1}\n`).join('').length;

    await happens('beside');
    await everybody((seat) => seat.watch(numbers));
    await seen(20);
    for (const [round, seat] of seats.entries()) {
      cutOff(seat);
      await seat.lost();
      await happens(`without-${round}`);
      await release(live, `go-${round}`);
      await stored(client, place, size(round * 20 + 40));
      letBack(seat);
      await seen(round * 20 + 40);
    }
    const port = new URL(live.server.http).port;
    await live.server.crash();
    await everybody((seat) => seat.lost());
    await release(live, 'go-killed');
    live.server = await serve(live.data, ['--port', port]);
    client = await beside();
    await happens('after');
    const last = rounds.length * 20 + 20;
    for (const { first, lines: shown } of await seen(last)) {
      expect(shown).toEqual(Array.from({ length: last + 1 - first }, (_, index) => `line ${first + index}`));
    }
    await release(live, 'go-end');
    await idle();
    await portal.picture('five-clients');
    for (const command of commands) {
      for (const seat of seats) {
        await vi.waitUntil(async () => (await seat.times(command)) > 0, SOON);
        expect(await seat.times(command), `${command.path} in ${seat.constructor.name}`).toBe(1);
      }
    }
    // As one who asks now is told them.
    const all = await until(sdk.runtime.events({ run: acp.run, since: 0 }), ({ name }) => name === 'replay/synced');
    expect(seqs(sdk.events)).toEqual(seqs(all));
  });
});

function hashes({ stdout, stderr }: Output): string[] {
  return [stdout, stderr].map((bytes) => createHash('sha256').update(bytes).digest('hex'));
}
