import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Gate } from '../gate.ts';
import type { LiveServer } from '../live-server.ts';
import { Editor } from '../nvim.ts';
import type { Command, Output, Seat } from './seat.ts';

/** Lines of the timeline, each with what stands behind it. */
export const TIMELINE = `local rows = {}
  for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
    if vim.bo[buffer].filetype == "headgate" then
      local space = vim.api.nvim_get_namespaces().headgate_timeline
      for index, line in ipairs(vim.api.nvim_buf_get_lines(buffer, 0, -1, false)) do
        for _, mark in ipairs(vim.api.nvim_buf_get_extmarks(buffer, space, {index - 1, 0}, {index - 1, -1}, {details = true})) do
          for _, part in ipairs(mark[4].virt_text or {}) do line = line .. " " .. part[1] end
        end
        table.insert(rows, line)
      end
    end
  end
  return table.concat(rows, "\\n")`;
/** File types of the windows. */
const WINDOWS = `local types = {}
  for _, window in ipairs(vim.api.nvim_list_wins()) do
    table.insert(types, vim.bo[vim.api.nvim_win_get_buf(window)].filetype)
  end
  return table.concat(types, " ")`;

/** Neovim with the plugin, over a unix socket. */
export class NvimSeat implements Seat {
  readonly by = /^neovim$/;
  readonly gate: Gate;
  readonly #editor: Editor;
  readonly #root: string;
  #saved = 0;
  #losses = 0;

  private constructor(gate: Gate, editor: Editor, root: string) {
    this.gate = gate;
    this.#editor = editor;
    this.#root = root;
  }

  static async open(gate: Gate, { root, data }: LiveServer, socket: string, run: string): Promise<NvimSeat> {
    const editor = await Editor.open(root, data, { HEADGATE_SOCKET: socket });
    await editor.keys(`:Headgate attach ${run}<CR>`);
    await editor.until('return vim.bo.filetype', (type) => type === 'headgate');
    return new NvimSeat(gate, editor, root);
  }

  async propose(command: string): Promise<void> {
    await this.#editor.keys(`:Headgate act sh: ${command}<CR>`);
  }

  async proposed({ command }: Command): Promise<void> {
    await this.#editor.lines('headgate-proposal', (text) => text.includes(command) && text.includes('a accept'));
  }

  async accept(): Promise<void> {
    await this.#editor.keys('a');
  }

  async answered({ command }: Command, by: RegExp): Promise<void> {
    const line = new RegExp(`^\\? sh proposes: ${command} +accepted by ${by.source.replaceAll(/[$^]/g, '')}`, 'm');
    await this.#editor.until<string>(TIMELINE, (text) => line.test(text));
    await this.#editor.until<string>(WINDOWS, (types) => !types.includes('headgate-proposal'));
  }

  async running({ command }: Command): Promise<void> {
    await this.#editor.until<string>(TIMELINE, (text) => new RegExp(`^\\$ ${command} +running`, 'm').test(text));
  }

  async cancel(): Promise<void> {
    await this.#editor.keys(':Headgate cancel<CR>');
  }

  async cancelled({ command }: Command): Promise<void> {
    await this.#editor.until<string>(TIMELINE, (text) => new RegExp(`^\\$ ${command} +(cancelled|aborted)`, 'm').test(text));
  }

  async output({ command }: Command): Promise<Output> {
    await this.#editor.keys(`:call search('^\\$ ${command}', 'b')<CR>`);
    const read = async (channel: number) => {
      const name = `saved-${++this.#saved}.bin`;
      await this.#editor.keys(`:Headgate save ${name} #${channel}<CR>`);
      await this.#editor.told((text) => text.includes(`wrote ${name}`));
      return await readFile(join(this.#root, name));
    };
    const output = { stdout: await read(1), stderr: await read(2) };
    await this.#editor.keys('G');
    return output;
  }

  async lost(): Promise<void> {
    this.#losses++;
    await this.#editor.told((text) => text.split('connection to the server is lost').length > this.#losses);
  }

  async watch({ command }: Command): Promise<void> {
    await this.#editor.keys(`:call search('^\\$ ${command}', 'b')<CR>:Headgate output<CR>`);
    await this.#editor.until('return vim.bo.filetype', (type) => type === 'headgate-output');
  }

  async lines(_: Command, last: string) {
    const text = await this.#editor.lines('headgate-output', (shown) => shown.endsWith(`\n${last}`));
    return { first: 1, lines: text.split('\n') };
  }

  async times({ command }: Command): Promise<number> {
    const rows = (await this.#editor.until<string>(TIMELINE, () => true)).split('\n');
    // What stands behind them tells them from what the model quotes.
    const starting = (words: string) => rows.filter((row) => row.startsWith(`${words} `)).length;
    return Math.max(starting(`? sh proposes: ${command}`), starting(`$ ${command}`));
  }

  async close(): Promise<void> {
    await this.#editor.close();
  }
}
