--- A buffer that lists the commands that run, in every run of the project.
local buffers = require('headgate.buffers')
local session = require('headgate.session')
local text = require('headgate.text')
local M = {}

local buffer
local producers = {}

local function under_cursor() return producers[vim.api.nvim_win_get_cursor(0)[1]] end

--- The command that the cursor is on, when this is the list.
function M.command_here()
  if buffer and vim.api.nvim_get_current_buf() == buffer then return under_cursor() end
end

local function row_of(producer)
  local bytes = 0
  for _, channel in ipairs(producer.channels) do
    bytes = bytes + channel.bytes
  end
  local state = producer.state
  if producer.waiting then state = 'waits for input' end
  if producer.waitsFor then state = state .. ', waits for ' .. producer.waitsFor end
  local columns = { producer.run, state, text.duration(producer.ageMs), text.bytes(bytes), producer.backend, producer.command }
  for index, column in ipairs(columns) do
    columns[index] = text.visible(column)
  end
  return string.format('%-16s %-16s %10s %10s  %-9s  %s', unpack(columns))
end

local function fill(done)
  session.look('stream/list', { state = 'live' }, function(failure, listed)
    if failure then return done(failure) end
    if not buffer or not vim.api.nvim_buf_is_valid(buffer) then
      buffer = buffers.make('headgate://ps', 'headgate-ps')
      buffers.on_unload(buffer, function() end, M.look_again)
      M.keys()
    end
    producers = listed
    local rows = {}
    for index, producer in ipairs(listed) do
      rows[index] = row_of(producer)
    end
    buffers.set_lines(buffer, 0, -1, #rows > 0 and rows or { 'no command runs' })
    done(nil, buffer)
  end)
end

--- Reads the list again.
function M.look_again() fill(function() end) end

function M.keys()
  local commands = require('headgate.commands')
  local function on(action)
    return function()
      local producer = under_cursor()
      if producer then action(producer) end
    end
  end
  buffers.map(buffer, '<CR>', on(function(p) require('headgate.output').open(p.run, p.path) end), 'show the output')
  buffers.map(buffer, 'c', function() commands.cancel() end, 'cancel the command')
  buffers.map(buffer, 'i', on(function(p) commands.ask_input(p.run, p.path, false) end), 'type a line into the command')
  buffers.map(buffer, 'I', on(function(p) commands.ask_input(p.run, p.path, true) end), 'type a secret into the command')
  buffers.map(buffer, 'R', M.look_again, 'look again')
  buffers.map(buffer, 'q', '<Cmd>close<CR>', 'close the window')
end

--- Shows the list; `done(failure, buffer)`.
function M.open(done)
  fill(function(failure, shown)
    if not failure then buffers.show(shown, 'botright 10split') end
    done(failure, shown)
  end)
end

return M
