--- The lines of a command's output that are shown: a bounded window over its channels, in the order in which they came.
--- It knows of every channel where its shown bytes begin, so that earlier ones can be read (SPEC {#nvim_output}).
local ansi = require('headgate.ansi')
local Lines = {}
Lines.__index = Lines

--- Bytes of one line that are shown; a longer one goes on unseen, and nothing of it is lost in the log.
local MAX_LINE_BYTES = 8192
--- Bytes of an unfinished line that are kept to be drawn again.
local MAX_PARTIAL_BYTES = 32 * 1024

function Lines.new(max_lines, colors)
  return setmetatable({ max = max_lines, colors = colors, channels = {}, chunks = {}, owner = {}, after = {} }, Lines)
end

--- A channel, beginning at a byte offset.
function Lines:channel(number, offset)
  if not self.channels[number] then
    self.channels[number] = { first = offset, offset = offset, partial = '', style = {} }
  end
  return self.channels[number]
end

--- Takes bytes that came; `offset` is that of the first. They are looked at when it is time to draw.
function Lines:take(number, offset, bytes)
  self:channel(number, offset).offset = offset + #bytes
  self.chunks[#self.chunks + 1] = { number, offset, bytes }
end

local function count_lines(bytes)
  local count, at = 0, bytes:find('\n', 1, true)
  while at do
    count = count + 1
    at = bytes:find('\n', at + 1, true)
  end
  return count
end

--- A chunk of which no line will be shown: what matters is where the last one begins.
function Lines:skip(number, offset, bytes)
  local channel = self.channels[number]
  local last = bytes:reverse():find('\n', 1, true)
  if last then
    channel.partial = bytes:sub(#bytes - last + 2)
    channel.first = offset + #bytes - last + 1
  else
    channel.partial = self:joined(channel.partial, bytes)
  end
end

--- Adds the whole lines of a chunk to `fresh` as `{number, bytes, offset behind it}`.
function Lines:split(number, offset, bytes, fresh)
  local channel = self.channels[number]
  local from, count = 1, #fresh
  while true do
    local stop = bytes:find('\n', from, true)
    if not stop then break end
    local raw = bytes:sub(from, stop - 1)
    if channel.partial ~= '' then
      raw = self:joined(channel.partial, raw)
      channel.partial = ''
    end
    count = count + 1
    fresh[count] = { number, raw, offset + stop }
    from = stop + 1
  end
  if from <= #bytes then channel.partial = self:joined(channel.partial, bytes:sub(from)) end
end

--- The whole lines that have come; `bounded`: at least the last `max` of them.
function Lines:arrived(bounded)
  local chunks, fresh, from = self.chunks, {}, 1
  self.chunks = {}
  local lines = 0
  for index = #chunks, bounded and 1 or #chunks + 1, -1 do
    lines = lines + count_lines(chunks[index][3])
    if lines >= self.max then
      from = index
      break
    end
  end
  for index, chunk in ipairs(chunks) do
    if index < from then
      self:skip(chunk[1], chunk[2], chunk[3])
    else
      self:split(chunk[1], chunk[2], chunk[3], fresh)
    end
  end
  return fresh
end

--- An unfinished line and what came behind it; of a long one the beginning, or the last things written over it.
function Lines:joined(partial, more)
  if #partial + #more <= MAX_PARTIAL_BYTES then return partial .. more end
  if more:find('\r', 1, true) or partial:find('\r', 1, true) then
    local whole = (partial .. more):sub(-MAX_PARTIAL_BYTES)
    return whole:match('\r(.*)$') and whole:match('[^\r]*\r[^\r]*\r?$') or whole
  end
  return (partial .. more):sub(1, MAX_PARTIAL_BYTES)
end

function Lines:draw(channel, raw, number)
  -- Most lines: nothing but text.
  if #raw <= MAX_LINE_BYTES and next(channel.style) == nil and not raw:find('[\r\27\b]') then
    return { text = raw, number = number }, channel.style
  end
  local text, marks, style = ansi.render(raw, channel.style)
  if #text > MAX_LINE_BYTES then
    text = text:sub(1, MAX_LINE_BYTES):gsub('[\192-\255][\128-\191]*$', '')
    local kept = {}
    for _, mark in ipairs(marks or {}) do
      if mark[2] <= #text then kept[#kept + 1] = mark end
    end
    marks = kept
  end
  return { text = text, marks = self.colors and marks or nil, number = number }, style
end

--- What the buffer has to do: `{drop = lines that go at the top, add = lines that come at the end, partial = unfinished
--- lines below them}`; a line is `{text, marks?, number}`. `bounded`: with at most `max` lines.
function Lines:changes(bounded)
  local fresh = self:arrived(bounded)
  local from = bounded and math.max(1, #fresh - self.max + 1) or 1
  local drop = bounded and math.max(0, #self.owner + (#fresh - from + 1) - self.max) or 0
  -- A line at a time would move all of them each time.
  if drop < #self.owner and drop < self.max / 10 and from == 1 then drop = 0 end
  drop = math.min(drop, #self.owner)
  self:forget(drop)
  local add, kept = {}, #self.owner
  for index, entry in ipairs(fresh) do
    local channel = self.channels[entry[1]]
    if index < from then
      channel.first = math.max(channel.first, entry[3])
    else
      local line
      line, channel.style = self:draw(channel, entry[2], entry[1])
      local count = index - from + 1
      add[count] = line
      self.owner[kept + count], self.after[kept + count] = entry[1], entry[3]
    end
  end
  return { drop = drop, add = add, partial = self:partials() }
end

--- The unfinished lines, as they are shown now.
function Lines:partials()
  local shown = {}
  local numbers = vim.tbl_keys(self.channels)
  table.sort(numbers)
  for _, number in ipairs(numbers) do
    local channel = self.channels[number]
    if channel.partial ~= '' then
      local line = self:draw(channel, channel.partial, number)
      shown[#shown + 1] = line
    end
  end
  return shown
end

--- Lines at the top are no longer shown.
function Lines:forget(count)
  if count == 0 then return end
  for index = 1, count do
    local channel = self.channels[self.owner[index]]
    channel.first = math.max(channel.first, self.after[index])
  end
  self.owner = vim.list_slice(self.owner, count + 1)
  self.after = vim.list_slice(self.after, count + 1)
end

--- Bytes of all channels that are before what is shown.
function Lines:earlier()
  local bytes = 0
  for _, channel in pairs(self.channels) do
    bytes = bytes + channel.first
  end
  return bytes
end

--- Puts earlier bytes of a channel, which end where its shown ones begin, at the top; returns the drawn lines.
function Lines:prepend(number, offset, bytes)
  local channel = self.channels[number]
  local style, drawn, owner, after = {}, {}, {}, {}
  local from = 1
  while from <= #bytes do
    local stop = bytes:find('\n', from, true) or #bytes + 1
    local line
    line, style = self:draw({ style = style }, bytes:sub(from, stop - 1), number)
    drawn[#drawn + 1], owner[#owner + 1] = line, number
    after[#after + 1] = offset + math.min(stop, #bytes)
    from = stop + 1
  end
  self.owner = vim.list_extend(owner, self.owner)
  self.after = vim.list_extend(after, self.after)
  channel.first = offset
  return drawn
end

return Lines
