import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import type { ClientChannel } from 'ssh2';
import type { SshPlace } from '../../model/place.ts';
import { LinkLost, type ShellHost, type ShellRun } from '../remote/shell-host.ts';
import { commandLine } from './command-line.ts';
import { SSH_TIMES, SshConnection, type SshTimes } from './connection.ts';
import { resolveWay } from './target.ts';

/** Channels of one connection: what sshd allows by default (MaxSessions). */
const CHANNELS = 10;
/** An unused connection stays open for so long (milliseconds). */
const IDLE_MS = 10_000;

interface Link {
  readonly connection: SshConnection;
  channels: number;
  /** Channels that it takes, as far as is known. */
  limit: number;
  idle: NodeJS.Timeout | undefined;
}

/** A host over SSH: its producers share connections, of which there are as many as its sshd makes necessary. */
export class SshHost implements ShellHost {
  readonly name: string;
  readonly #place: SshPlace;
  readonly #times: SshTimes;
  readonly #links = new Set<Link>();
  #opening: Promise<Link> | undefined;

  constructor(place: SshPlace, times: SshTimes = SSH_TIMES) {
    this.name = `host ${place.host}`;
    this.#place = place;
    this.#times = times;
  }

  async run(script: string, args: readonly string[]): Promise<ShellRun> {
    const command = commandLine(script, args);
    const { link, result: channel } = await this.#with((connection) => connection.exec(command));
    return this.#served(link, channel);
  }

  /** A stream to a unix socket there, such as that of a container engine. Throws as `run` does. */
  async openSocket(path: string): Promise<Duplex> {
    const { link, result: stream } = await this.#with((connection) => connection.forwardSocket(path));
    stream.once('close', () => this.#giveBack(link));
    return stream;
  }

  /** Closes the connections that nothing uses. */
  closeUnused(): void {
    for (const link of this.#links) if (link.channels === 0) this.#drop(link);
  }

  /** Does something that opens a channel, over a connection that has room for it. */
  async #with<T>(open: (connection: SshConnection) => Promise<T>): Promise<{ link: Link; result: T }> {
    for (;;) {
      const link = await this.#link();
      this.#take(link);
      try {
        return { link, result: await open(link.connection) };
      } catch (error) {
        this.#giveBack(link);
        if (link.connection.isLost) throw new LinkLost(this.name, error);
        // Alone on its connection it was refused for another reason than the number of channels.
        if (link.channels === 0) throw error;
        link.limit = link.channels;
      }
    }
  }

  async #link(): Promise<Link> {
    for (;;) {
      for (const link of this.#links) if (!link.connection.isLost && link.channels < link.limit) return link;
      this.#opening ??= this.#open().finally(() => {
        this.#opening = undefined;
      });
      await this.#opening;
    }
  }

  async #open(): Promise<Link> {
    const connection = await SshConnection.open(await resolveWay(this.#place), this.#times);
    const link: Link = { connection, channels: 0, limit: CHANNELS, idle: undefined };
    this.#links.add(link);
    void connection.lost.then(() => {
      clearTimeout(link.idle);
      this.#links.delete(link);
    });
    this.#rest(link);
    return link;
  }

  #take(link: Link): void {
    link.channels++;
    clearTimeout(link.idle);
    link.idle = undefined;
    link.connection.hold(true);
  }

  #giveBack(link: Link): void {
    link.channels--;
    if (link.channels === 0) this.#rest(link);
  }

  /** Unused: kept for the next, without keeping the process from ending. */
  #rest(link: Link): void {
    link.connection.hold(false);
    link.idle = setTimeout(() => this.#drop(link), IDLE_MS);
    link.idle.unref();
  }

  #drop(link: Link): void {
    clearTimeout(link.idle);
    this.#links.delete(link);
    link.connection.close();
  }

  #served(link: Link, channel: ClientChannel): ShellRun {
    let code: number | null = null;
    channel.once('exit', (status: number | null) => {
      code = status;
    });
    channel.on('error', () => {});
    const closed = once(channel, 'close').then(() => {
      this.#giveBack(link);
      if (link.connection.isLost) throw new LinkLost(this.name);
      return code;
    });
    const ended = Promise.race([
      closed,
      link.connection.lost.then((error) => {
        throw new LinkLost(this.name, error);
      }),
    ]);
    ended.catch(() => {});
    closed.catch(() => {});
    return { stdin: channel, stdout: channel, stderr: channel.stderr, ended, close: () => channel.close() };
  }
}
