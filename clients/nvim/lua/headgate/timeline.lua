--- A buffer that shows a run: what the model says, what it proposes, what was answered, what ran (SPEC {#nvim_timeline}).
local buffers = require('headgate.buffers')
local config = require('headgate.config')
local events = require('headgate.events')
local guard = require('headgate.guard')
local proposals = require('headgate.proposals')
local session = require('headgate.session')
local text = require('headgate.text')

local M = {}
local Timeline = {}
Timeline.__index = Timeline

--- Lines of a command that are shown.
local COMMAND_LINES = 6

local namespace = vim.api.nvim_create_namespace('headgate_timeline')

--- Open timelines by buffer.
local open = {}

--- The timeline that a buffer shows, or nil.
function M.of(buffer) return open[buffer] end

--- Shows a run and goes to it; the server is asked for it first. Passes the buffer to `done(failure, buffer)`.
function M.open(run, done)
  session.look('getRun', { run = run }, function(failure)
    if failure then return done(failure) end
    local found
    for _, timeline in pairs(open) do
      if timeline.run == run then found = timeline end
    end
    found = found or M.new(run)
    buffers.to_end(found.buffer, { buffers.show(found.buffer, config.options.timeline_window) })
    proposals.take_part(run)
    done(nil, found.buffer)
  end)
end

--- The run `from` is called `to` now (SPEC {#renamed_runs}).
function M.renamed(from, to)
  for _, timeline in pairs(open) do
    if timeline.run == from then
      timeline.run = to
      buffers.rename(timeline.buffer, 'headgate://' .. to, to)
    end
  end
end

function M.new(run)
  local self = setmetatable({ run = run, buffer = buffers.make('headgate://' .. run, 'headgate') }, Timeline)
  vim.b[self.buffer].headgate_run = run
  self:keys()
  buffers.on_unload(self.buffer, function()
    open[self.buffer] = nil
    self.gone = true
    self.close()
  end, function() self:start() end)
  self:start()
  return self
end

--- Begins with the first event of the run.
function Timeline:start()
  open[self.buffer] = self
  self.gone, self.empty, self.queue, self.turn, self.said, self.live, self.reading = false, true, {}, 0, '', nil, false
  self.places, self.asked, self.commands, self.notes = {}, {}, {}, {}
  self.close = events.subscribe({
    run = self.run,
    since = 0,
    event = function(name, params)
      self.queue[#self.queue + 1] = { name, params }
      self:schedule()
    end,
    failed = function(failure) self:line(failure.message, 'ErrorMsg') end,
  })
end

function Timeline:keys()
  local commands = require('headgate.commands')
  buffers.map(self.buffer, '<CR>', function() self:enter() end, 'show the output of the command')
  buffers.map(self.buffer, 'a', function() proposals.show(true) end, 'go to the proposal')
  buffers.map(self.buffer, 'c', function() commands.cancel() end, 'cancel the command')
  buffers.map(self.buffer, 'i', function() commands.input_here(false) end, 'type a line into the command')
  buffers.map(self.buffer, 'I', function() commands.input_here(true) end, 'type a secret into the command')
  buffers.map(self.buffer, 'p', function() commands.prompt(self.run) end, 'prompt the run again')
  buffers.map(self.buffer, 'q', '<Cmd>close<CR>', 'close the window')
end

--- Draws what has come, together.
function Timeline:schedule()
  if self.scheduled then return end
  self.scheduled = true
  vim.schedule(function()
    self.scheduled = false
    if self.gone then return end
    local at_end = buffers.at_end(self.buffer)
    local queue = self.queue
    self.queue = {}
    for index, event in ipairs(queue) do
      -- What is read for one event is drawn before the events behind it.
      if self.reading then
        self.queue = vim.list_slice(queue, index)
        break
      end
      local draw = self[event[1]]
      if draw then guard(draw, self, event[2]) end
    end
    self:trim()
    buffers.to_end(self.buffer, at_end)
  end)
end

--- Adds a text at the end, of the proposal or command `path` if there is one; returns the mark of its first line.
function Timeline:line(words, group, path)
  local lines = text.visible_lines(words)
  local first = self.empty and 0 or vim.api.nvim_buf_line_count(self.buffer)
  buffers.set_lines(self.buffer, first, -1, lines)
  self.empty = false
  local options = { end_row = first + #lines - 1, end_col = #lines[#lines], hl_group = group }
  local mark = vim.api.nvim_buf_set_extmark(self.buffer, namespace, first, 0, options)
  if path then self.places[mark] = path end
  return mark
end

--- A command for people: its first lines.
local function shortened(command)
  local lines = vim.split(command, '\n', { plain = true })
  if #lines <= COMMAND_LINES then return command end
  local shown = vim.list_slice(lines, 1, COMMAND_LINES)
  shown[#shown + 1] = '... ' .. #lines - COMMAND_LINES .. ' more lines'
  return table.concat(shown, '\n')
end

--- Sets the words behind the line of `mark`, in place of those that are there; where there is no such line, adds one.
function Timeline:note(mark, words, group)
  local position = mark and vim.api.nvim_buf_get_extmark_by_id(self.buffer, namespace, mark, {})
  if not position or #position == 0 then return self:line('  ' .. words, group) end
  local options = { id = self.notes[mark], virt_text = { { '  ' .. text.visible(words), group } } }
  self.notes[mark] = vim.api.nvim_buf_set_extmark(self.buffer, namespace, position[1], 0, options)
end

--- Keeps the newest lines only.
function Timeline:trim()
  local count = vim.api.nvim_buf_line_count(self.buffer)
  if count <= 1.1 * config.options.max_lines then return end
  local gone = count - config.options.max_lines
  vim.api.nvim_buf_clear_namespace(self.buffer, namespace, 0, gone)
  buffers.set_lines(self.buffer, 0, gone, {})
end

Timeline['run/progress'] = function(self, params)
  if params.turn ~= self.turn then
    self.turn, self.said, self.live = params.turn, '', nil
    self:line('turn ' .. params.turn, 'Title')
  end
  if params.text then self:say(params.text) end
end

--- What the model says, as it says it: the same lines grow.
Timeline['run/text'] = function(self, params)
  local live = self.live
  if not live or live.turn ~= params.turn or params.offset == 0 then
    live = { turn = params.turn, words = '', mark = live and live.turn == params.turn and live.mark, count = live and live.count }
    self.live = live
  end
  if #live.words > params.offset then return end
  live.words = live.words .. params.text
  self:say_live(live.words)
end

function Timeline:say_live(words)
  local live = self.live
  local lines = text.visible_lines((words:gsub('%s+$', '')))
  local position = live.mark and vim.api.nvim_buf_get_extmark_by_id(self.buffer, namespace, live.mark, {})
  if not position or #position == 0 then
    live.mark = self:line(table.concat(lines, '\n'))
  else
    buffers.set_lines(self.buffer, position[1], position[1] + live.count, lines)
    vim.api.nvim_buf_set_extmark(self.buffer, namespace, position[1], 0, { id = live.mark })
  end
  live.count = #lines
end

function Timeline:say(words)
  words = vim.trim(words)
  if words == '' or words == self.said then return end
  self.said = words
  if self.live and self.live.mark then
    self:say_live(words)
    self.live = nil
  else
    self:line(words)
  end
end

Timeline['run/proposal'] = function(self, params)
  local verb = proposals.is_question(params) and ' asks: ' or ' proposes: '
  self.asked[params.path] = self:line('? ' .. params.action .. verb .. shortened(params.command or params.summary), 'Question', params.path)
end

Timeline['run/resolved'] = function(self, params)
  local word = params.action == 'error' and 'failed' or params.action .. 'ed'
  self:note(self.asked[params.path], word .. ' by ' .. params.by, params.action == 'accept' and 'MoreMsg' or 'WarningMsg')
end

Timeline['stream/started'] = function(self, params)
  local where = params.backend and params.backend ~= 'process' and '  [' .. params.backend .. ']' or ''
  local mark = self:line('$ ' .. shortened(params.command) .. where, 'Statement', params.path)
  self.commands[params.path] = mark
  self:note(mark, 'running', 'Comment')
end

Timeline['stream/waiting'] = function(self, params)
  local after = params.prompt and ', after "' .. params.prompt .. '"' or ''
  self:note(self.commands[params.path], 'waits for input' .. after .. ' (i types a line, I a secret)', 'WarningMsg')
end

Timeline['stream/resumed'] = function(self, params) self:note(self.commands[params.path], 'running', 'Comment') end

Timeline['stream/cancelled'] = function(self, params)
  local why = params.reason and ': ' .. params.reason or ''
  self:line('  cancelled' .. why, 'WarningMsg', params.path)
end

Timeline['stream/ended'] = function(self, params)
  local total = 0
  for _, channel in ipairs(params.channels) do
    total = total + channel.bytes
  end
  local group = params.status == 200 and 'Comment' or 'ErrorMsg'
  self:note(self.commands[params.path], text.ending(params) .. ' (' .. text.bytes(total) .. ')', group)
end

--- How actions without a command ended; a rejection is told by its answer.
Timeline['entry/changed'] = function(self, params)
  if not params.path:match('^log://') or self.commands[params.path] then return end
  local over = params.status == 200 or params.status >= 400
  if not over or params.status == 403 or params.status == 499 then return end
  if self.asked[params.path] and params.status == 200 then return end
  local places = self.places
  self.reading = true
  session.look_through('get', { run = self.run, path = params.path }, function(failure, entry)
    if self.gone or self.places ~= places then return end
    self.reading = false
    self:schedule()
    if failure or type(entry.attributes.summary) ~= 'string' then return end
    local at_end = buffers.at_end(self.buffer)
    if entry.attributes.tool == 'update' then
      self:say(entry.body)
    elseif params.status == 200 then
      self:line('  ' .. entry.attributes.summary, 'Comment', params.path)
    else
      self:line('  ' .. entry.attributes.summary .. ': ' .. text.ending(params), 'ErrorMsg', params.path)
    end
    buffers.to_end(self.buffer, at_end)
  end)
end

Timeline['run/state'] = function(self, params)
  if params.deleted then return self:line('the run was deleted', 'ErrorMsg') end
  if type(params.result) == 'string' then self:say(params.result) end
  if params.loop == nil or (params.status ~= 200 and params.status < 400) then return end
  self:line(self.run .. ': ' .. text.run_ending(params), params.status == 200 and 'MoreMsg' or 'ErrorMsg')
  self.said = ''
end

Timeline['ui/render'] = function(self, params) self:line(params.text) end

Timeline['ui/notify'] = function(self, params) self:line(params.level .. ': ' .. params.text) end

--- The path of the proposal or command that a line belongs to, or nil.
function Timeline:path_at(row)
  local found = vim.api.nvim_buf_get_extmarks(self.buffer, namespace, { row, -1 }, { 0, 0 }, {})
  for _, mark in ipairs(found) do
    if self.places[mark[1]] then return self.places[mark[1]] end
  end
end

--- Shows the output of the command under the cursor.
function Timeline:enter()
  local path = self:path_at(vim.api.nvim_win_get_cursor(0)[1] - 1)
  if not path then return vim.notify('Headgate: no command here') end
  require('headgate.output').open(self.run, path)
end

return M
