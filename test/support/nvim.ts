import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { vi } from 'vitest';

/** The plugin, as it is put into Neovim's runtime path. */
export const PLUGIN = fileURLToPath(new URL('../../clients/nvim', import.meta.url));

/** Words with which Neovim starts with nothing but the plugin. */
export const NVIM_ARGS = ['--clean', '--cmd', `set rtp^=${PLUGIN} shortmess+=I noswapfile`] as const;

const WAIT_MS = 30_000;
const run = promisify(execFile);

/** A Neovim without a screen that a test types into and looks at, through its own remote interface. */
export class Editor {
  readonly #folder = mkdtempSync(join(tmpdir(), 'headgate-nvim-'));
  readonly #socket = join(this.#folder, 's');
  readonly #process: ChildProcess;
  #err = '';
  #answers = 0;

  private constructor(cwd: string, env: NodeJS.ProcessEnv) {
    const state = Object.fromEntries(['XDG_STATE_HOME', 'XDG_CACHE_HOME', 'XDG_CONFIG_HOME'].map((name) => [name, this.#folder]));
    this.#process = spawn('nvim', [...NVIM_ARGS, '--headless', '--listen', this.#socket], {
      cwd,
      env: { ...process.env, ...state, ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#process.stderr?.on('data', (chunk: Buffer) => {
      this.#err += chunk.toString();
    });
  }

  /** Starts one whose working directory is the project, on a server's data folder. */
  static async open(cwd: string, data: string, env: NodeJS.ProcessEnv = {}): Promise<Editor> {
    const editor = new Editor(cwd, { HEADGATE_DATA: data, HEADGATE_URL: '', HEADGATE_SOCKET: '', ...env });
    await vi.waitUntil(() => existsSync(editor.#socket), { timeout: WAIT_MS, interval: 20 });
    await editor.lua('vim.o.columns, vim.o.lines = 120, 40');
    // What people are told stays readable for the test.
    await editor.lua('_G.told = {}; vim.notify = function(text) table.insert(_G.told, text) end');
    // Chooses as plugins for that do: the list that Neovim has of its own lets nobody look while it waits.
    await editor.lua(
      `vim.ui.select = function(items, options, choose)
        local rows = {}
        for _, item in ipairs(items) do table.insert(rows, (options.format_item or tostring)(item)) end
        _G.rows, _G.choose = rows, function(index) _G.rows = nil; choose(items[index], index) end
      end`,
    );
    return editor;
  }

  /** The rows that are to choose from, once there are any. */
  choices(): Promise<string[]> {
    return this.until<string[] | null>('return _G.rows', (rows) => rows !== null) as Promise<string[]>;
  }

  /** Chooses a row, counted from 1. */
  async choose(row: number): Promise<void> {
    await this.lua(`_G.choose(${row})`);
  }

  /** Types keys, in Neovim's notation, as from a keyboard. */
  async keys(keys: string): Promise<void> {
    await run('nvim', ['--server', this.#socket, '--remote-send', keys], { timeout: WAIT_MS });
  }

  /** Runs Lua and returns what it returns. */
  async lua<T = unknown>(code: string): Promise<T> {
    const line = code.replaceAll("'", "''").replaceAll('\n', ' ');
    // By a file: what comes back otherwise is cut where it is long.
    const answer = join(this.#folder, `answer-${this.#answers++}`);
    const expression = `writefile([json_encode(luaeval('(function() ${line} end)()'))], '${answer}')`;
    await run('nvim', ['--server', this.#socket, '--remote-expr', expression], { timeout: WAIT_MS });
    const text = await readFile(answer, 'utf8');
    await rm(answer);
    return JSON.parse(text) as T;
  }

  /** What `code` returns, once it satisfies the test; throws with the last answer when it does not in time. */
  async until<T>(code: string, test: (value: T) => boolean, timeoutMs = WAIT_MS): Promise<T> {
    let value: T | undefined;
    await vi
      .waitUntil(
        async () => {
          value = await this.lua<T>(code);
          return test(value);
        },
        { timeout: timeoutMs, interval: 100 },
      )
      .catch(async (error: unknown) => {
        const told = await this.lua('return _G.told').catch(() => 'no answer');
        throw new Error(
          `never came: ${test}\n${String(error)}\nlast: ${JSON.stringify(value)?.slice(0, 4000)}\ntold: ${JSON.stringify(told)}\n${this.#err}`,
        );
      });
    return value as T;
  }

  /** The lines of the newest buffer of a file type, once they satisfy the test. */
  lines(filetype: string, test: (text: string) => boolean = () => true): Promise<string> {
    return this.until<string>(
      `local text = ""
      for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
        if vim.bo[buffer].filetype == "${filetype}" then text = table.concat(vim.api.nvim_buf_get_lines(buffer, 0, -1, false), "\\n") end
      end
      return text`,
      test,
    );
  }

  /** The texts that stand behind and below the lines of the newest buffer of a file type, once they satisfy the test. */
  notes(filetype: string, test: (text: string) => boolean): Promise<string> {
    return this.until<string>(
      `local words = {}
      for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
        if vim.bo[buffer].filetype == "${filetype}" then
          words = {}
          for _, space in pairs(vim.api.nvim_get_namespaces()) do
            for _, mark in ipairs(vim.api.nvim_buf_get_extmarks(buffer, space, 0, -1, {details = true})) do
              for _, part in ipairs(mark[4].virt_text or {}) do table.insert(words, part[1]) end
              for _, line in ipairs(mark[4].virt_lines or {}) do table.insert(words, line[1][1]) end
            end
          end
        end
      end
      return table.concat(words, "\\n")`,
      test,
    );
  }

  /** What people were told, once it satisfies the test. */
  told(test: (text: string) => boolean): Promise<string> {
    return this.until<string>('return table.concat(_G.told, "\\n")', test);
  }

  async close(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const exit = once(this.#process, 'exit');
      this.#process.kill('SIGKILL');
      await exit;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
