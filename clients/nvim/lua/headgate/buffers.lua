--- Buffers and windows of the client: how they are made, found and written.
local M = {}

--- A buffer that nobody edits or saves. `name` is shown as its name.
function M.make(name, filetype)
  local buffer = vim.api.nvim_create_buf(false, true)
  pcall(vim.api.nvim_buf_set_name, buffer, name)
  vim.bo[buffer].buftype = 'nofile'
  vim.bo[buffer].bufhidden = 'hide'
  vim.bo[buffer].swapfile = false
  vim.bo[buffer].undolevels = -1
  vim.bo[buffer].modifiable = false
  vim.bo[buffer].filetype = filetype
  return buffer
end

--- Names a buffer after a run that has another alias now; what it shows stays.
function M.rename(buffer, name, run)
  vim.b[buffer].headgate_run = run
  pcall(vim.api.nvim_buf_set_name, buffer, name)
end

--- Calls `gone()` when a buffer loses its text: unloaded, deleted or wiped out, it goes for good, and is made again when it is
--- asked for again. `:edit` leaves it loaded and empty: then `refill()` fills it.
function M.on_unload(buffer, gone, refill)
  vim.api.nvim_create_autocmd('BufUnload', {
    buffer = buffer,
    callback = function()
      gone()
      vim.schedule(function()
        if not vim.api.nvim_buf_is_valid(buffer) then return end
        if vim.api.nvim_buf_is_loaded(buffer) then return refill() end
        pcall(vim.api.nvim_buf_delete, buffer, { force = true })
      end)
    end,
  })
end

local function is_float(window) return vim.api.nvim_win_get_config(window).relative ~= '' end

--- The window of this tab page that shows a buffer, or a new one made by `command`.
local function window_of(buffer, command)
  for _, window in ipairs(vim.fn.win_findbuf(buffer)) do
    if vim.api.nvim_win_get_tabpage(window) == vim.api.nvim_get_current_tabpage() then return window end
  end
  vim.cmd(command)
  local window = vim.api.nvim_get_current_win()
  vim.api.nvim_win_set_buf(window, buffer)
  for option, value in pairs({ number = false, relativenumber = false, signcolumn = 'no', list = false, spell = false }) do
    vim.wo[window][option] = value
  end
  return window
end

--- Shows a buffer in a window that shows it already, else in a new one made by `command`, and goes there; from a float that
--- has the cursor it does not go away. Returns the window.
function M.show(buffer, command)
  local float = vim.api.nvim_get_current_win()
  if not is_float(float) then float = nil end
  for _, window in ipairs(float and vim.api.nvim_tabpage_list_wins(0) or {}) do
    if not is_float(window) then vim.api.nvim_set_current_win(window) end
  end
  local window = window_of(buffer, command)
  vim.api.nvim_set_current_win(float or window)
  return window
end

--- Replaces lines `first` to `last` (0-based, end-exclusive, -1: the end).
function M.set_lines(buffer, first, last, lines)
  vim.bo[buffer].modifiable = true
  vim.api.nvim_buf_set_lines(buffer, first, last, false, lines)
  vim.bo[buffer].modifiable = false
end

--- Windows whose cursor is on the last line: those that follow.
function M.at_end(buffer)
  local count = vim.api.nvim_buf_line_count(buffer)
  local found = {}
  for _, window in ipairs(vim.fn.win_findbuf(buffer)) do
    if vim.api.nvim_win_get_cursor(window)[1] >= count then found[#found + 1] = window end
  end
  return found
end

--- Puts the cursor of these windows on the last line.
function M.to_end(buffer, windows)
  local count = vim.api.nvim_buf_line_count(buffer)
  for _, window in ipairs(windows) do
    if vim.api.nvim_win_is_valid(window) then vim.api.nvim_win_set_cursor(window, { count, 0 }) end
  end
end

--- Maps a key in a buffer, in normal mode.
function M.map(buffer, key, action, description)
  vim.keymap.set('n', key, action, { buffer = buffer, nowait = true, silent = true, desc = 'Headgate: ' .. description })
end

return M
