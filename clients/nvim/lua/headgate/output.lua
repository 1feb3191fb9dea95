--- A buffer that follows the output of a command (SPEC {#nvim_output}).
local base64 = require('headgate.base64')
local buffers = require('headgate.buffers')
local config = require('headgate.config')
local Follow = require('headgate.follow')
local Lines = require('headgate.lines')
local session = require('headgate.session')
local text = require('headgate.text')

local M = {}
local Output = {}
Output.__index = Output

local namespace = vim.api.nvim_create_namespace('headgate_output')
local footers = vim.api.nvim_create_namespace('headgate_output_end')
--- Time between two drawings at least, and as a multiple of what the last one took: a flood leaves the editor its turn.
local DRAW_MS = 40
local REST = 5
--- Bytes of a channel's end that are read of one that is there already, and of its earlier output at a time.
local TAIL_BYTES = 4 * 1024 * 1024
local PAGE_BYTES = 256 * 1024

--- Open outputs by buffer.
local open = {}

--- The output that a buffer shows, or nil.
function M.of(buffer) return open[buffer] end

--- Opens the output of a command, or goes to it where it is open already. `options.focus == false`: the cursor stays.
--- Returns its buffer.
function M.open(run, path, options)
  local back = vim.api.nvim_get_current_win()
  local found
  for _, output in pairs(open) do
    if output.run == run and output.path == path then found = output end
  end
  found = found or M.new(run, path)
  buffers.to_end(found.buffer, { buffers.show(found.buffer, config.options.output_window) })
  if options and options.focus == false and vim.api.nvim_win_is_valid(back) then vim.api.nvim_set_current_win(back) end
  return found.buffer
end

local function name_of(run, path) return 'headgate://' .. run .. '/' .. path:gsub('^log://', '') end

function M.new(run, path)
  local self = setmetatable({ run = run, path = path }, Output)
  self.buffer = buffers.make(name_of(run, path), 'headgate-output')
  vim.b[self.buffer].headgate_run = run
  vim.b[self.buffer].headgate_path = path
  self:keys()
  vim.api.nvim_create_autocmd('CursorMoved', { buffer = self.buffer, callback = function() self:look_on() end })
  buffers.on_unload(self.buffer, function()
    open[self.buffer] = nil
    self.gone = true
    if self.follow then self.follow:close() end
  end, function() self:start() end)
  self:start()
  return self
end

--- The run `from` is called `to` now (SPEC {#renamed_runs}).
function M.renamed(from, to)
  for _, output in pairs(open) do
    if output.run == from then
      output.run = to
      if output.follow then output.follow.run = to end
      buffers.rename(output.buffer, name_of(to, output.path), to)
    end
  end
end

function Output:keys()
  local commands = require('headgate.commands')
  buffers.map(self.buffer, 'o', function() self:load_older() end, 'show earlier output')
  buffers.map(self.buffer, 'c', function() commands.cancel() end, 'cancel the command')
  buffers.map(self.buffer, 'i', function() commands.ask_input(self.run, self.path, false) end, 'type a line into the command')
  buffers.map(self.buffer, 'I', function() commands.ask_input(self.run, self.path, true) end, 'type a secret into the command')
  buffers.map(self.buffer, 'q', '<Cmd>close<CR>', 'close the window')
end

--- Begins at the first byte, or near the end of a command that has written much.
function Output:start()
  local lines = Lines.new(config.options.max_lines, config.options.colors)
  open[self.buffer] = self
  self.gone, self.lines, self.shown, self.older, self.ending = false, lines, 0, false, nil
  buffers.set_lines(self.buffer, 0, -1, {})
  if self.follow then self.follow:close() end
  self.follow = nil
  session.look_through('stream/list', { run = self.run }, function(failure, producers)
    if self.gone or self.lines ~= lines then return end
    if failure then return self:footer(failure.message, 'ErrorMsg') end
    local from, waiting = {}, 1
    local function begin()
      waiting = waiting - 1
      if waiting > 0 or self.gone or self.lines ~= lines then return end
      for number, offset in pairs(from) do
        lines:channel(number, offset)
      end
      self:subscribe(from)
    end
    for _, producer in ipairs(producers) do
      if producer.path == self.path then
        for _, channel in ipairs(producer.channels) do
          waiting = waiting + 1
          self:tail(channel, function(offset)
            from[channel.channel] = offset
            begin()
          end)
        end
      end
    end
    begin()
  end)
end

--- Where to begin with a channel: at a line, at most `TAIL_BYTES` before its end.
function Output:tail(channel, answer)
  if channel.bytes <= PAGE_BYTES then return answer(0) end
  local params = { run = self.run, path = self.path, channel = channel.channel, max_bytes = 1 }
  params.lines = { last = math.min(config.options.max_lines, 100000) }
  session.look_through('stream/read', params, function(failure, page)
    answer(failure and 0 or math.max(page.from, page.bytes - TAIL_BYTES))
  end)
end

function Output:subscribe(from)
  self.follow = Follow.open(self.run, self.path, {
    from = from,
    chunk = function(channel, offset, bytes)
      self.lines:take(channel, offset, bytes)
      self:schedule()
    end,
    ended = function(facts)
      self.ending = facts
      self:schedule()
    end,
    failed = function(failure) self:footer(failure.message, 'ErrorMsg') end,
  })
end

function Output:schedule()
  if self.scheduled then return end
  self.scheduled = true
  vim.defer_fn(function()
    self.scheduled = false
    if self.gone or not vim.api.nvim_buf_is_valid(self.buffer) then return end
    local began = vim.loop.hrtime()
    self:draw()
    self.rest_ms = math.max(DRAW_MS, REST * (vim.loop.hrtime() - began) / 1e6)
  end, math.floor(self.rest_ms or DRAW_MS))
end

--- Whether new output is to be followed: somebody looks at its end, or nobody at it at all.
function Output:following(at_end) return #at_end > 0 or #vim.fn.win_findbuf(self.buffer) == 0 end

function Output:draw()
  local buffer = self.buffer
  local at_end = buffers.at_end(buffer)
  local following = self:following(at_end)
  local change = self.lines:changes(following)
  local header = self.older and 1 or 0
  local shown = self.shown
  if change.drop > 0 then
    buffers.set_lines(buffer, header, header + change.drop, {})
    shown = shown - change.drop
  end
  local drawn = vim.list_extend(vim.list_extend({}, change.add), change.partial)
  self:put(header + shown, -1, drawn)
  self.shown = shown + #change.add
  self:header()
  self:footer(self:ended_words())
  if following then
    buffers.to_end(buffer, at_end)
  elseif self.shown > 2 * config.options.max_lines and not self.ending then
    self.follow:pause()
    self:footer('more output: go to the end (G) to follow it', 'WarningMsg')
  end
  vim.b[buffer].headgate_output = { cursors = self:cursors(), earlier = self.lines:earlier(), ended = self.ending ~= nil }
end

--- What is shown of each channel ends at this byte, as text keys for `b:headgate_output`.
function Output:cursors()
  local cursors = {}
  for number, channel in pairs(self.lines.channels) do
    cursors[tostring(number)] = channel.offset
  end
  return vim.tbl_isempty(cursors) and vim.empty_dict() or cursors
end

--- Writes drawn lines with their colours over those from `first` to `last`.
function Output:put(first, last, drawn)
  local rows = {}
  for index, line in ipairs(drawn) do
    rows[index] = line.text
  end
  vim.api.nvim_buf_clear_namespace(self.buffer, namespace, first, last)
  buffers.set_lines(self.buffer, first, last, rows)
  for index, line in ipairs(drawn) do
    local row = first + index - 1
    if line.number == 2 and #line.text > 0 then
      local mark = { end_col = #line.text, hl_group = 'HeadgateStderr', priority = 90 }
      vim.api.nvim_buf_set_extmark(self.buffer, namespace, row, 0, mark)
    end
    for _, mark in ipairs(line.marks or {}) do
      vim.api.nvim_buf_set_extmark(self.buffer, namespace, row, mark[1], { end_col = mark[2], hl_group = mark[3] })
    end
  end
end

--- The first line says how much is before it.
function Output:header()
  local earlier = self.lines:earlier()
  if earlier == 0 and not self.older then return end
  local rows = earlier > 0 and { '(' .. text.bytes(earlier) .. ' before this: o shows earlier lines)' } or {}
  buffers.set_lines(self.buffer, 0, self.older and 1 or 0, rows)
  self.older = earlier > 0
  if self.older then
    local mark = { end_col = #rows[1], hl_group = 'Comment' }
    vim.api.nvim_buf_set_extmark(self.buffer, namespace, 0, 0, mark)
  end
end

function Output:ended_words()
  if not self.ending then
    if self.waits then return 'waits for input: i types a line, I a secret', 'WarningMsg' end
    return 'running', 'Comment'
  end
  local sizes = {}
  for _, channel in ipairs(self.ending.channels or {}) do
    sizes[#sizes + 1] = string.format('channel %d: %s', channel.channel, text.bytes(channel.bytes))
  end
  local words = text.ending(self.ending) .. ' (' .. table.concat(sizes, ', ') .. ')'
  return words, self.ending.status == 200 and 'Comment' or 'ErrorMsg'
end

--- Words below the last line; they are no part of the buffer.
function Output:footer(words, group)
  local last = vim.api.nvim_buf_line_count(self.buffer) - 1
  vim.api.nvim_buf_clear_namespace(self.buffer, footers, 0, -1)
  local mark = { virt_lines = { { { '-- ' .. text.visible(words), group } } } }
  vim.api.nvim_buf_set_extmark(self.buffer, footers, last, 0, mark)
end

--- The command waits for input, or no longer.
function M.waiting(run, path, waits)
  for _, output in pairs(open) do
    if output.run == run and output.path == path then
      output.waits = waits
      if not output.ending then output:footer(output:ended_words()) end
    end
  end
end

--- Goes on following when the cursor is at the end again; where much has come meanwhile, from near its end.
function Output:look_on()
  if not self.follow or not self.follow.paused or #buffers.at_end(self.buffer) == 0 then return end
  session.look('stream/list', { run = self.run }, function(failure, producers)
    if failure or self.gone or not self.follow or not self.follow.paused then return end
    for _, producer in ipairs(producers) do
      if producer.path == self.path then
        for _, channel in ipairs(producer.channels) do
          if channel.bytes - (self.follow.cursors[channel.channel] or 0) > TAIL_BYTES then return self:start() end
        end
      end
    end
    self.follow:resume()
  end)
end

--- Reads a page of earlier output of every channel and puts it at the top.
function Output:load_older()
  if self.loading then return end
  self.loading = true
  local lines, number = self.lines, nil
  for each, channel in pairs(lines.channels) do
    if channel.first > 0 and (number == nil or each > number) then number = each end
  end
  if not number then
    self.loading = false
    return vim.notify('Headgate: this is the beginning')
  end
  local before = lines.channels[number].first
  local from = math.max(0, before - PAGE_BYTES)
  local params = { run = self.run, path = self.path, channel = number, from = from, max_bytes = before - from }
  session.look('stream/read', params, function(failure, page)
    self.loading = false
    if failure then return vim.notify('Headgate: ' .. failure.message, vim.log.levels.ERROR) end
    if self.gone or self.lines ~= lines or lines.channels[number].first ~= before then return end
    local bytes = base64.chunk(page.chunk, page.encoding)
    local cut = page.from > 0 and bytes:find('\n', 1, true)
    if cut and cut < #bytes then
      bytes = bytes:sub(cut + 1)
    else
      cut = 0
    end
    local drawn = lines:prepend(number, page.from + cut, bytes)
    local header = self.older and 1 or 0
    buffers.set_lines(self.buffer, header, header, vim.fn['repeat']({ '' }, #drawn))
    self:put(header, header + #drawn, drawn)
    self.shown = self.shown + #drawn
    self:header()
  end)
end

return M
