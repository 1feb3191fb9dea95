import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { BuiltServer, Params, WireClient, WireError } from './built-server.ts';

/** What one caller or one page can do to a server, and what is to come of it. */
export interface HostileAct {
  readonly name: string;
  /** It starts many commands, each of which takes the server's thread for a while: only the whole wait is held to a limit. */
  readonly starts?: true;
  /** Done before the time is taken; what it resolves with is done while it is. It rejects when the server does something else than it should. */
  prepare(at: Target): Promise<() => Promise<void>>;
}

/** A server, and how to reach it. */
export interface Target {
  readonly server: BuiltServer;
  /** Its data folder. */
  readonly data: string;
  /** Folder of the project. */
  readonly root: string;
  /** Connects as the operator, to the project when no other is named. */
  operator(root?: string): Promise<WireClient>;
  /** Connects with a token of scope `read` that nobody else has. */
  reader(root?: string): Promise<WireClient>;
}

/** Makes the names of models differ. */
let models = 0;
const far = 'a/'.repeat(32_000);

/** Command lines with more words and signs than are read in the server's thread. */
function longLines(): string[] {
  const words = Array.from({ length: 1900 }, (_, at) => `f${at}`).join(' ');
  return [
    'a|'.repeat(16_000),
    'a=('.repeat(10_000),
    'a;'.repeat(16_000),
    '>a '.repeat(10_000),
    '>a '.repeat(900),
    'a>b '.repeat(400),
    'cat a|'.repeat(190),
    `cat ${words}`,
    `cd a; cat ${words}`,
    'a '.repeat(16_000),
  ];
}

/** One message with a batch of calls, and its answers. */
function batch(
  client: WireClient,
  calls: readonly { method: string; params: Params }[],
): Promise<{ result?: unknown; error?: { data: Params } }[]> {
  const answer = new Promise<string>((resolve) => {
    const look = (data: Buffer) => {
      const text = data.toString();
      if (!text.startsWith('[')) return;
      client.socket.off('message', look);
      resolve(text);
    };
    client.socket.prependListener('message', look);
  });
  client.socket.send(JSON.stringify(calls.map((call, index) => ({ jsonrpc: '2.0', id: `b${index}`, ...call }))));
  return answer.then((text) => JSON.parse(text) as never);
}

/** A run with a channel of so many bytes, and a client that may read it. */
async function filled({ operator, reader }: Target, bytes: number): Promise<{ place: { run: string; path: string }; client: WireClient }> {
  const client = await operator();
  const { run } = await client.call<{ run: string }>('startRun', { model: 'scripted' });
  const { path } = await client.call<{ path: string }>('sh', { run, command: 'echo' });
  await client.call('run/resolve', { run, resolution: { path, action: 'accept', runner: 'client' } });
  const chunk = `${'a'.repeat(8000)}\n`.repeat(100);
  for (let sent = 0; sent < bytes; sent += chunk.length) await client.call('stream', { run, path, channel: 1, chunk });
  await client.close();
  return { place: { run, path }, client: await reader() };
}

/** A run with so many entries of 1 MiB, and a client that may read it. */
async function bodies({ operator, reader }: Target, count: number): Promise<{ run: string; client: WireClient }> {
  const owner = await operator();
  const { run } = await owner.call<{ run: string }>('startRun', { model: 'scripted' });
  for (let at = 0; at < count; at++) await owner.call('set', { run, path: `known://large-${at}`, body: 'x'.repeat(1024 * 1024) });
  await owner.close();
  return { run, client: await reader() };
}

export const HOSTILE_ACTS: readonly HostileAct[] = [
  {
    name: 'policy/check on a path of 64,000 bytes, as a file and in a command',
    prepare: async ({ reader }) => {
      const client = await reader();
      return async () => {
        await client.call('policy/check', { tool: 'set', subjects: [`file://${far}`] });
        await client.call('policy/check', { tool: 'env', command: `cat ${far}b` });
        await client.close();
      };
    },
  },
  {
    name: 'a page of unclosed elements',
    prepare: async ({ operator, root }) => {
      const page = `<p>Begin</p>${'<b>'.repeat(330_000)}${'</i>'.repeat(250_000)}`;
      const http = createServer((_, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end(page));
      await once(http.listen(0, '127.0.0.1'), 'listening');
      const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/`;
      writeFileSync(join(root, 'page.yaml'), JSON.stringify({ steps: [{ calls: [{ tool: 'fetch', input: { url } }] }, { say: 'Done.' }] }));
      const client = await operator();
      // What the first loop of a server loads is not what is measured.
      const first = await client.call<{ run: string }>('ask', { model: 'scripted', prompt: 'nothing', wait: true });
      await client.call('run/delete', { run: first.run });
      const alias = `pages-${++models}`;
      await client.call('addModel', { alias, actual: 'page.yaml', provider: 'scripted' });
      return async () => {
        const { run } = await client.call<{ run: string }>('act', { model: alias, prompt: 'fetch it' });
        const { path } = await client.notice('run/proposal', (params) => params['run'] === run);
        await client.call('run/resolve', { run, resolution: { path, action: 'accept' } });
        await client.notice('stream/ended', (params) => params['run'] === run);
        http.closeAllConnections();
        http.close();
        await client.close();
      };
    },
  },
  {
    name: 'named pipes where git, skills, personas and a scenario would be',
    prepare: async ({ operator, reader, root }) => {
      execFileSync('mkdir', ['-p', join(root, '.headgate/skills/x'), join(root, '.headgate/personas')]);
      for (const name of ['.git', '.headgate/skills/x/SKILL.md', '.headgate/personas/x.md', 'AGENTS.md', '.env', 'pipe.yaml'])
        if (!existsSync(join(root, name))) execFileSync('mkfifo', [join(root, name)]);
      const client = await reader();
      const owner = await operator();
      const alias = `pipes-${++models}`;
      await owner.call('addModel', { alias, actual: 'pipe.yaml', provider: 'scripted' });
      return async () => {
        await client.call('policy/check', { tool: 'env', command: 'git status' });
        await client.call('listSkills', {});
        const { run } = await owner.call<{ run: string }>('act', { model: alias, prompt: 'go' });
        await owner.notice('run/state', (params) => params['run'] === run && (params['status'] === 500 || params['status'] === 200));
        await client.close();
        await owner.close();
      };
    },
  },
  {
    name: 'a batch of 100 searches',
    prepare: async (target) => {
      const { place, client } = await filled(target, 40_000_000);
      return async () => {
        const calls = Array.from({ length: 100 }, () => ({ method: 'stream/read', params: { ...place, channel: 1, match: '(a+)+b' } }));
        const answers = await batch(client, calls);
        if (answers.length !== 100) throw new Error(`${answers.length} answers`);
        await client.close();
      };
    },
  },
  {
    name: 'a batch of 100 answers of 4 MiB each',
    prepare: async (target) => {
      const { place, client } = await filled(target, 5_000_000);
      return async () => {
        const calls = Array.from({ length: 100 }, () => ({
          method: 'stream/read',
          params: { ...place, channel: 1, from: 0, max_bytes: 4 * 1024 * 1024 },
        }));
        const answers = await batch(client, calls);
        const refused = answers.filter(({ error }) => error?.data['name'] === 'too_large').length;
        if (refused < 90) throw new Error(`only ${refused} of 100 answers were too much for one message`);
        await client.close();
      };
    },
  },
  {
    name: '20,000 subscriptions on one connection',
    prepare: async ({ reader }) => {
      const client = await reader();
      return async () => {
        const calls = Array.from({ length: 20_000 }, () =>
          client.call('subscribe', {}).then(
            () => 'open',
            (error: unknown) => String((error as WireError).data['name']),
          ),
        );
        const ends = await Promise.all(calls);
        if (!ends.includes('too_large')) throw new Error('no subscription was too many');
        await client.close();
      };
    },
  },
  {
    name: '3,000 connections without a token',
    prepare: async ({ server }) => {
      const { port } = new URL(server.http);
      return async () => {
        const sockets: Socket[] = [];
        for (let at = 0; at < 3000; at++) {
          const socket = connect(Number(port), '127.0.0.1');
          socket.on('error', () => {});
          sockets.push(socket);
        }
        await Promise.all(
          sockets.map((socket) => (socket.connecting ? once(socket, 'connect').catch(() => undefined) : Promise.resolve())),
        );
        for (const socket of sockets) socket.destroy();
      };
    },
  },
  {
    name: 'a copy of a run of 100,000 entries',
    prepare: async ({ operator, data }) => {
      const client = await operator();
      const { run } = await client.call<{ run: string }>('startRun', { model: 'scripted' });
      const db = new Database(join(data, 'headgate.db'), { timeout: 60_000 });
      const fill = db.prepare<
        [number, number, string]
      >(`with recursive n(i) as (select cast(? as integer) union all select i + 1 from n where i < ?)
        insert into entries (run_id, path, scheme, category, status, visibility, turn, bytes, lines, writer, created_at, updated_at, attributes)
        select (select id from runs where alias = ?), 'sh://turn_1/x' || i || '_1', 'sh', 'data', 200, 'visible', 1, 6, 1, 'w', 1, 1, '{}' from n`);
      const bytes = db.prepare<[string]>(`insert into segments (entry_id, offset, line, at, bytes)
        select id, 0, 0, 1, x'68656c6c6f0a' from entries where run_id = (select id from runs where alias = ?)`);
      // The server may write in between.
      for (let first = 1; first < 100_000; first += 10_000) fill.run(first, first + 9999, run);
      bytes.run(run);
      db.close();
      return async () => {
        const copy = await client.call<{ run: string }>('run/fork', { run });
        const { bytes } = await client.call<{ bytes: number }>('get', { run: copy.run, path: 'sh://turn_1/x100000_1' });
        if (bytes !== 6) throw new Error(`the channel of the copy holds ${bytes} bytes`);
        await client.close();
      };
    },
  },
  {
    name: 'policy/check on command lines that take long to read',
    prepare: async ({ reader, root }) => {
      mkdirSync(join(root, 'a'), { recursive: true });
      const client = await reader();
      return async () => {
        for (const command of longLines()) {
          const { decision } = await client.call<{ decision: string }>('policy/check', { tool: 'env', command });
          if (decision !== 'ask') throw new Error(`${command.slice(0, 20)} is ${decision}`);
        }
        await client.close();
      };
    },
  },
  {
    name: 'proposals of command lines that take long to read',
    prepare: async ({ operator }) => {
      const client = await operator();
      const { run } = await client.call<{ run: string }>('startRun', { model: 'scripted' });
      return async () => {
        for (const command of longLines()) {
          const { status } = await client.call<{ status: number }>('sh', { run, command });
          if (status !== 202) throw new Error(`${command.slice(0, 20)} is at ${status}`);
        }
        await client.call('run/delete', { run });
        await client.close();
      };
    },
  },
  {
    name: 'policy/check beside 1,000 rules, and on a repository with a large configuration',
    prepare: async ({ operator, reader, root, data }) => {
      const own = join(root, 'many-rules');
      for (const folder of ['objects', 'refs']) mkdirSync(join(own, '.git', folder), { recursive: true });
      writeFileSync(join(own, '.git/HEAD'), 'x');
      writeFileSync(join(own, '.git/config'), `[core]\n\ta ${' '.repeat(30_000)}!\n`);
      const owner = await operator(own);
      await owner.call('policy/add', { decision: 'deny', rule: 'sh(none)' });
      await owner.close();
      const db = new Database(join(data, 'headgate.db'), { timeout: 60_000 });
      db.prepare(`with recursive n(i) as (select 1 union all select i + 1 from n where i < 990)
        insert into permissions (project_id, action, pattern, decision, granted_by, via, created_at)
        select (select max(project_id) from permissions), 'set', 'file://src/**/d' || i || '/*.{ts,js}', 'allow', 'x', '', 1 from n`).run();
      db.close();
      const client = await reader(own);
      return async () => {
        const rules = await client.call<{ rules: unknown[] }>('policy/list', {});
        if (rules.rules.length < 990) throw new Error(`${rules.rules.length} rules`);
        for (const command of ['ls', 'git status', '>a '.repeat(60)]) await client.call('policy/check', { tool: 'env', command });
        await client.call('policy/check', { tool: 'set', subjects: Array.from({ length: 16 }, (_, at) => `file://a/b/c/${at}.ts`) });
        await client.close();
      };
    },
  },
  {
    name: 'getEntries by patterns over 100,000 paths, and getProposals of 5,000',
    prepare: async ({ operator, reader, data }) => {
      const owner = await operator();
      const { run } = await owner.call<{ run: string }>('startRun', { model: 'scripted' });
      const db = new Database(join(data, 'headgate.db'), { timeout: 60_000 });
      const fill = db.prepare<
        [number, number, string, string, number, string]
      >(`with recursive n(i) as (select cast(? as integer) union all select i + 1 from n where i < ?)
        insert into entries (run_id, path, scheme, category, status, visibility, turn, writer, created_at, updated_at, attributes)
        select (select id from runs where alias = ?), ? || i, 'log', 'logging', ?, 'visible', 1, 'w', 1, 1, ? from n`);
      for (let first = 1; first < 100_000; first += 10_000) fill.run(first, first + 9999, run, 'log://turn_1/get/x', 200, '{}');
      const attributes = JSON.stringify({ action: 'sh', input: { command: 'true' }, summary: 'x'.repeat(200) });
      fill.run(1, 5000, run, 'log://turn_1/sh/x', 202, attributes);
      db.close();
      const client = await reader();
      return async () => {
        const lists = ['log://*/get/*1', '**', 'log://**/none', 'log://turn_1/*/x99999'].map((pattern) =>
          client.call<unknown[]>('getEntries', { run, pattern, newest: true, body: false, limit: 200 }),
        );
        const counts = (await Promise.all(lists)).map((rows) => rows.length);
        if (counts.join() !== '200,200,0,1') throw new Error(`${counts.join()} entries`);
        const waiting = await client.call<unknown[]>('getProposals', { run });
        if (waiting.length !== 5000) throw new Error(`${waiting.length} proposals`);
        await client.close();
        await owner.call('run/delete', { run });
        await owner.close();
      };
    },
  },
  {
    name: 'getEntries by patterns over 20,000 runs',
    prepare: async ({ operator, reader, data }) => {
      const owner = await operator();
      const { run } = await owner.call<{ run: string }>('startRun', { model: 'scripted' });
      // The runs stay, and the act may be prepared again beside them.
      const at = ++models;
      await owner.call('set', { run, path: `known://only-${at}`, body: 'one' });
      const db = new Database(join(data, 'headgate.db'), { timeout: 60_000 });
      const columns = db
        .prepare<[], string>("select name from pragma_table_info('runs') where name not in ('id', 'alias')")
        .pluck()
        .all()
        .join();
      db.prepare(
        `with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000)
        insert into runs (alias, ${columns}) select alias || '-' || i, ${columns} from n, (select * from runs where alias = ?)`,
      ).run(run);
      db.close();
      const client = await reader();
      return async () => {
        const lists = ['file://none/**', `known://onl?-${at}`].map((pattern) =>
          client.call<unknown[]>('getEntries', { pattern, newest: true, body: false, limit: 200 }),
        );
        const counts = (await Promise.all(lists)).map((rows) => rows.length);
        if (counts.join() !== '0,1') throw new Error(`${counts.join()} entries`);
        await client.close();
        await owner.close();
      };
    },
  },
  {
    name: '200 skills with front matter of 60 KiB',
    prepare: async ({ reader, root }) => {
      const folder = join(root, '.headgate/skills');
      mkdirSync(folder, { recursive: true });
      for (let at = 0; at < 200; at++) writeFileSync(join(folder, `large-${at}.md`), `---\nlist: [${'[a],'.repeat(15_000)}]\n---\nText.\n`);
      const client = await reader();
      return async () => {
        const skills = await client.call<{ name: string; problem?: string }[]>('listSkills', {});
        if (!skills.some(({ name, problem }) => name.startsWith('large-') && problem?.includes('4096')))
          throw new Error('front matter of 60 KiB was read');
        for (let at = 0; at < 200; at++) rmSync(join(folder, `large-${at}.md`));
        await client.close();
      };
    },
  },
  {
    name: 'getEntries of 14 bodies of 1 MiB, with the bodies',
    prepare: async (target) => {
      const { run, client } = await bodies(target, 14);
      return async () => {
        const rows = await client.call<{ body: string }[]>('getEntries', { run, limit: 1000 });
        if (rows.filter(({ body }) => body.startsWith('xxx')).length < 14) throw new Error(`${rows.length} entries`);
        await client.close();
      };
    },
  },
  {
    name: 'getEntries of 200 bodies of 1 MiB, without the bodies',
    prepare: async (target) => {
      const { run, client } = await bodies(target, 200);
      return async () => {
        const rows = await client.call<unknown[]>('getEntries', { run, body: false, limit: 1000 });
        if (rows.length < 200) throw new Error(`${rows.length} entries`);
        await client.close();
      };
    },
  },
  {
    name: 'a screen of 1,000 rows and columns, as text and with the bytes that draw it',
    prepare: async (target) => {
      const { place, client } = await filled(target, 5_000_000);
      return async () => {
        const size = { channel: 1, format: 'screen', rows: 1000, cols: 1000 };
        for (const replay of [false, true]) await client.call('stream/read', { ...place, ...size, replay });
        await client.close();
      };
    },
  },
  {
    name: 'an export in HTML of 8 MB',
    prepare: async (target) => {
      const { place, client } = await filled(target, 8_000_000);
      return async () => {
        const { chunk } = await client.call<{ chunk: string }>('stream/export', { ...place, format: 'html' });
        if (chunk.length < 1_000_000) throw new Error(`${chunk.length} characters`);
        await client.close();
      };
    },
  },
  {
    name: '150 commands accepted at once',
    starts: true,
    prepare: async ({ operator }) => {
      const client = await operator();
      const { run } = await client.call<{ run: string }>('startRun', { model: 'scripted' });
      const places: { path: string }[] = [];
      for (let at = 0; at < 150; at++) places.push(await client.call<{ path: string }>('sh', { run, command: 'true' }));
      return async () => {
        await Promise.all(places.map(({ path }) => client.call('run/resolve', { run, resolution: { path, action: 'accept' } })));
        await Promise.all(
          places.map(({ path }) => client.notice('stream/ended', (params) => params['path'] === path && params['run'] === run)),
        );
        await client.close();
      };
    },
  },
];
