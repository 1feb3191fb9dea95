--- Prompts with what the editor shows as their context (SPEC {#nvim_prompt}).
local locate = require('headgate.locate')
local text = require('headgate.text')
local M = {}

--- Characters that a prompt may have.
M.MAX_CHARACTERS = 1024 * 1024

--- The name of a buffer's file from the project's root on; nil when it has none.
function M.file_name(buffer)
  local name = vim.api.nvim_buf_get_name(buffer)
  if name == '' or vim.bo[buffer].buftype ~= '' then return nil end
  local real = vim.loop.fs_realpath(name) or name
  local root = locate.project_root()
  if real:sub(1, #root + 1) == root .. '/' then return real:sub(#root + 2) end
  return real
end

--- A fence that is in none of the lines.
local function fence(lines)
  local longest = 2
  for _, line in ipairs(lines) do
    for run in line:gmatch('`+') do
      longest = math.max(longest, #run)
    end
  end
  return ('`'):rep(longest + 1)
end

--- `prompt` and, behind it, lines `first` to `last` (1-based, inclusive) of a buffer with its name; without a range the name
--- of the file only, when it has one.
function M.prompt(prompt, buffer, first, last)
  local name = M.file_name(buffer)
  if not first then
    if not name then return text.utf8(prompt) end
    local row = vim.api.nvim_win_get_cursor(0)[1]
    return text.utf8(string.format('%s\n\nThe open file is %s, the cursor is on line %d.', prompt, name, row))
  end
  local lines = vim.api.nvim_buf_get_lines(buffer, first - 1, last, false)
  local marks = fence(lines)
  local unsaved = vim.bo[buffer].modified and name and ' (with changes that are not saved)' or ''
  local parts = {
    prompt,
    '',
    string.format('Lines %d to %d of %s%s:', first, last, name or 'a buffer without a name', unsaved),
    '',
    marks .. vim.bo[buffer].filetype,
  }
  vim.list_extend(parts, lines)
  parts[#parts + 1] = marks
  return text.utf8(table.concat(parts, '\n'))
end

return M
