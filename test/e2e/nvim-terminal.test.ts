import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { WireClient } from '../support/built-server.ts';
import { liveServer } from '../support/live-server.ts';
import { NVIM_ARGS } from '../support/nvim.ts';
import { serviceAvailable } from '../support/require.ts';
import { Terminal } from '../support/tmux.ts';

describe.skipIf(!serviceAvailable('nvim') || !serviceAvailable('tmux'))(
  '{#nvim_proposals} Neovim in a terminal',
  { timeout: 120_000 },
  () => {
    const live = liveServer();
    let terminal: Terminal | undefined;

    afterEach(() => terminal?.close());

    it('shows a change in a box over the file and the timeline, then what a command writes below them', async () => {
      await writeFile(join(live.root, 'greet.sh'), `# Greets.\nname=$1\nprintf 'hello\\n'\n`);
      await writeFile(
        join(live.root, 'fix.yaml'),
        'steps:\n' +
          '  - say: The greeting leaves the name out. I put it in.\n' +
          '    calls: [{tool: set, input: {path: "file://greet.sh", edits: [{old: "hello\\\\n", new: "hello %s\\\\n"}, {old: "\\\\n\'", new: "\\\\n\' \\"$name\\""}]}}]\n' +
          '  - calls: [{tool: sh, input: {command: "sh greet.sh $(tput setaf 2)world; sh greet.sh you"}}]\n' +
          '  - say: It greets by name now.\n',
      );
      const client = await live.client();
      const state = Object.fromEntries(['XDG_STATE_HOME', 'XDG_CACHE_HOME', 'XDG_CONFIG_HOME'].map((name) => [name, live.data]));
      const env = { ...process.env, ...state, HEADGATE_DATA: live.data, HEADGATE_URL: '', HEADGATE_SOCKET: '', HEADGATE_MODEL: 'fix' };
      terminal = new Terminal({ cwd: live.root, env, cols: 120, rows: 34 });
      terminal.type(`nvim ${NVIM_ARGS.map((word) => `'${word}'`).join(' ')} greet.sh`);
      await terminal.see(/# Greets/);
      const project = await WireClient.connect(live.server);
      live.clients.push(project, client);
      await project.call('init', { name: 'project', projectRoot: live.root });
      await project.call('addModel', { alias: 'fix', actual: 'fix.yaml', provider: 'scripted' });
      terminal.type(':2,3Headgate act greet by name');
      const box = await terminal.see(/a accept {3}r reject/);
      expect(box).toMatch(/╭─+╮/);
      expect(box).toMatch(/│set proposes in fix-1/);
      expect(box).toMatch(/│\+printf 'hello %s\\n' "\$name"/);
      terminal.press('a');
      expect(await terminal.see(/sh proposes in fix-1[^]*a accept/)).toMatch(/^printf 'hello %s\\n' "\$name"/m);
      terminal.press('a');
      await terminal.see(/fix-1: done \(200\)/);
      terminal.type(":call search('^\\$ sh')");
      terminal.press('Enter');
      const shown = await terminal.see(/-- exit 0 \(channel 1/);
      expect(shown).toMatch(/^hello world *\nhello you/m);
      expect(shown).toContain('accepted by neovim');
    });
  },
);
