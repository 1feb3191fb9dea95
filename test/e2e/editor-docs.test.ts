import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { acpSuite } from '../support/acp-suite.ts';
import { blocksOf, textOf } from '../support/readme.ts';
import { serviceAvailable } from '../support/require.ts';

/** What an editor that is configured so starts. */
interface Started {
  readonly command: string;
  readonly args: readonly string[];
}

const docs = textOf('docs/editors.md');
const readme = textOf('README.md').split('\n## How it works', 1)[0] ?? '';
const HEADGATE_ACP: Started = { command: 'headgate', args: ['acp'] };

/** Plugins of Neovim that print what they are told to start. */
const NVIM_PLUGINS = `
local function start(command, args) io.stdout:write(vim.json.encode({ command = command, args = args }), "\\n") end
package.preload["avante"] = function()
  return { setup = function(o) start(o.acp_providers[o.provider].command, o.acp_providers[o.provider].args) end }
end
package.preload["codecompanion.adapters"] = function() return { extend = function(_, adapter) return adapter end } end
package.preload["codecompanion"] = function()
  return { setup = function(o)
    local words = o.adapters.acp[o.interactions.chat.adapter]().commands.default
    start(words[1], vim.list_slice(words, 2))
  end }
end
`;

/** The functions of agent-shell and acp.el that print what they are told to start. */
const AGENT_SHELL = `
(require 'json)
(provide 'agent-shell)
(defun acp-make-client (&rest o)
  (princ (json-encode (list (cons 'command (plist-get o :command)) (cons 'args (vconcat (plist-get o :command-params))))))
  (terpri))
(defun agent-shell-make-agent-config (&rest o) o)
(defun agent-shell-start (&rest o) (funcall (plist-get (plist-get o :config) :client-maker) (current-buffer)))
`;

const startedOf = (text: string) => JSON.parse(text) as Started;

describe('{#cli_acp} the configurations of editors', () => {
  const suite = acpSuite();

  it('in the README are those of docs/editors.md, and its picture is there', () => {
    for (const language of ['json', 'elisp']) {
      const shown = blocksOf(readme, language);
      expect(shown.length).toBeGreaterThan(0);
      expect(blocksOf(docs, language)).toEqual(expect.arrayContaining(shown));
    }
    const [avante, own] = blocksOf(readme, 'lua');
    expect(blocksOf(docs, 'lua')).toContain(avante);
    expect(blocksOf(textOf('clients/nvim/README.md'), 'lua')).toContain(own);
    const picture = /^!\[[^\]]+\]\((.+)\)$/m.exec(readme)?.[1] ?? '';
    expect(textOf(picture).length).toBeGreaterThan(0);
  });

  it('in JSON start headgate acp', () => {
    const entries = blocksOf(docs, 'json').map((text) => Object.values(JSON.parse(text) as Record<string, Record<string, Started>>)[0]);
    expect(entries).toHaveLength(3);
    for (const entry of entries) expect(entry?.['Headgate']).toMatchObject(HEADGATE_ACP);
  });

  it('for a shell start headgate acp', () => {
    const agents = [...docs.matchAll(/^acpx --agent "(.*?)"/gm)].map(([, agent]) => agent);
    expect(agents).toEqual(['headgate acp', 'headgate acp']);
  });

  it.skipIf(!serviceAvailable('nvim'))('in Lua are run by Neovim, and start headgate acp', async () => {
    const file = join(suite.live.root, 'init.lua');
    const blocks = blocksOf(docs, 'lua');
    await writeFile(file, [NVIM_PLUGINS, ...blocks, ...blocksOf(readme, 'lua').slice(1)].join('\n'));
    const out = execFileSync('nvim', ['--clean', '--headless', '-c', `luafile ${file}`, '-c', 'quit'], { encoding: 'utf8' });
    expect(out.trim().split('\n').map(startedOf)).toEqual(blocks.map(() => HEADGATE_ACP));
  });

  it.skipIf(!serviceAvailable('emacs'))('in Emacs Lisp are run by Emacs, and start headgate acp', async () => {
    const file = join(suite.live.root, 'init.el');
    await writeFile(file, [AGENT_SHELL, ...blocksOf(docs, 'elisp'), "(call-interactively #'headgate-agent)"].join('\n'));
    expect(startedOf(execFileSync('emacs', ['-Q', '--batch', '-l', file], { encoding: 'utf8' }))).toEqual(HEADGATE_ACP);
  });

  it('{#acp_initialize} name a command that is an agent', async () => {
    const editor = await suite.editor();
    expect(await editor.initialize()).toMatchObject({ protocolVersion: 1, agentInfo: { name: 'headgate' } });
  });
});
