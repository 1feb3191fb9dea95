import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clauseText } from '../support/clause-text.ts';
import { serviceAvailable } from '../support/require.ts';
import { ATTEMPTS } from '../support/sandbox/attempts.ts';
import { Machine, type Who } from '../support/sandbox/machine.ts';

const rows = clauseText('sandbox_held')
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .slice(2)
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .map(([, tries = '', workspace = '', looks = '']) => ({ tries, workspace, looks }));

describe('{#sandbox_held} the table of what a command in a sandbox tries', () => {
  it('has a row for each attempt, and says of each what it comes to', () => {
    expect(rows.map(({ tries }) => tries)).toEqual(ATTEMPTS.map(({ tries }) => tries));
    for (const { workspace, looks } of rows) expect(['held held', 'works held', 'works works']).toContain(`${workspace} ${looks}`);
  });
});

const isRoot = process.getuid?.() === 0;

describe
  .skipIf(!serviceAvailable('bwrap'))
  .each<{ who: Who; of: string }>([...(isRoot ? [{ who: 'root' as const, of: 'root' }] : []), { who: 'user', of: 'an ordinary user' }])(
  '{#sandbox_held} in the sandboxes of a server of $of',
  ({ who }) => {
    const machine = new Machine(who);
    let outside: Map<string, boolean>;
    let workspace: Map<string, boolean>;
    let looks: Map<string, boolean>;

    beforeAll(async () => {
      await machine.open();
      outside = machine.outside();
      workspace = await machine.workspace();
      looks = await machine.looking();
    }, 60_000);
    afterAll(() => machine.close());

    it.each(rows)('a command tries to $tries', (row) => {
      const word = (works: boolean | undefined) => (works ? 'works' : 'held');
      expect({ workspace: word(workspace.get(row.tries)), looks: word(looks.get(row.tries)) }).toEqual({
        workspace: row.workspace,
        looks: row.looks,
      });
    });

    it('each of these works where there is no sandbox, so that it is the sandbox that holds it', () => {
      const should = ATTEMPTS.filter(({ control }) => control === 'both' || control === who).map(({ tries }) => tries);
      expect(should.filter((tries) => outside.get(tries) !== true)).toEqual([]);
    });

    it.each(['ls a', 'cat a', 'git status', 'git diff', 'git log -p', 'git ls-files -m'])(
      '{#looks_place} %s runs no program of the project, of its node_modules and of a repository further down',
      async (command) => {
        const { out, err, exit } = await machine.look(command);
        expect({ exit, canary: /CANARY/.test(out + err), lured: existsSync(machine.lured) }).toEqual({
          exit: 0,
          canary: false,
          lured: false,
        });
      },
    );

    it('{#backend_list} {#terminals} the server itself runs none of them either', async () => {
      const client = await machine.client();
      expect((await client.call<unknown[]>('backend/list')).length).toBeGreaterThan(4);
      const terminal = await machine.accepted('test -t 1 && echo on', machine.root, { backend: 'pty', lifetime: '1h' });
      expect(terminal).toMatchObject({ out: 'on\r\n', exit: 0 });
      expect(existsSync(machine.lured)).toBe(false);
    });

    it('a named pipe in the place of the repository, made by a command inside, stops nobody outside', async () => {
      const second = join(machine.folder, 'second');
      expect(await machine.accepted('/usr/bin/mkfifo .git && echo made', second)).toMatchObject({ out: 'made\n', exit: 0 });
      const client = await machine.client(second);
      expect(await client.call('policy/check', { tool: 'env', command: 'git status' })).toMatchObject({ decision: 'ask' });
      expect(await machine.look('ls', second)).toMatchObject({ exit: 0 });
      expect(await machine.accepted('echo on', second)).toMatchObject({ out: 'on\n' });
    });
  },
);
