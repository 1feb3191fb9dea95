--- The output of a command: every byte of every channel once and in order, also over a restart of the server.
local base64 = require('headgate.base64')
local session = require('headgate.session')
local Follow = {}
Follow.__index = Follow

--- Follows `path` of `run`. `options`: `from` (channel -> byte offset to begin at; channels that are not in it begin at 0),
--- `chunk(channel, offset, bytes)`, `ended(facts)`, `failed(failure)`.
function Follow.open(run, path, options)
  local self = setmetatable({ run = run, path = path, options = options, cursors = {}, feeds = {}, finished = {} }, Follow)
  for channel, offset in pairs(options.from or {}) do
    self.cursors[channel] = offset
  end
  self.forget = session.keep({
    reopen = function()
      if not self.paused then self:resume() end
    end,
    message = function(name, params) self:receive(name, params) end,
  })
  return self
end

--- Stops taking bytes; `resume` goes on at the cursors.
function Follow:pause()
  self.paused = true
  self:drop()
end

--- Subscribes at the cursors: to each channel of a command that has begun, else to the whole command.
function Follow:resume()
  if self.over then return end
  self.paused = false
  self:drop()
  self.round = (self.round or 0) + 1
  local round = self.round
  session.look('stream/list', { run = self.run, path = self.path }, function(failure, producers)
    if self.over or self.paused or round ~= self.round then return end
    if failure then return self:fail(failure) end
    local known = producers[1]
    if not known or #known.channels == 0 then return self:subscribe(round) end
    for _, one in ipairs(known.channels) do
      if not self.finished[one.channel] then self:subscribe(round, one.channel) end
    end
  end)
end

function Follow:subscribe(round, channel)
  local from = channel and self.cursors[channel] or 0
  self.opening = (self.opening or 0) + 1
  session.call('stream/subscribe', { run = self.run, path = self.path, channel = channel, from = from }, function(failure, result)
    self.opening = self.opening - 1
    if failure then
      if round == self.round then self:fail(failure) end
    elseif self.over or self.paused or round ~= self.round then
      session.call('stream/unsubscribe', { subscription = result.subscription })
    else
      self.feeds[result.subscription] = channel or true
    end
  end)
end

function Follow:receive(name, params)
  local feed = params.subscription and self.feeds[params.subscription]
  if not feed then return end
  if name == 'stream/chunk' then
    local at = self.cursors[params.channel] or 0
    local bytes = base64.chunk(params.chunk, params.encoding)
    -- Bytes that were shown already are not shown again; a gap cannot be, and would be taken up at the cursor.
    if params.offset > at then return self:resume() end
    if params.offset < at then bytes = bytes:sub(at - params.offset + 1) end
    if bytes == '' then return end
    self.cursors[params.channel] = at + #bytes
    self.options.chunk(params.channel, at, bytes)
  elseif name == 'stream/ended' then
    self.feeds[params.subscription] = nil
    session.call('stream/unsubscribe', { subscription = params.subscription })
    if feed ~= true then self.finished[feed] = true end
    if next(self.feeds) == nil and self.opening == 0 then self:finish(params) end
  elseif name == 'stream/closed' then
    self.feeds[params.subscription] = nil
    local words = { never_started = 'it was never started', run_deleted = 'its run was deleted' }
    self:fail({ message = words[params.reason] or params.reason, name = params.reason, data = params })
  end
end

function Follow:finish(facts)
  self.over = true
  self.forget()
  self.options.ended(facts)
end

function Follow:fail(failure)
  if self.over or failure.name == 'closed' then return end
  self:close()
  self.options.failed(failure)
end

function Follow:drop()
  for subscription in pairs(self.feeds) do
    if session.state == 'open' then session.call('stream/unsubscribe', { subscription = subscription }) end
  end
  self.feeds = {}
end

--- Ends it without a word.
function Follow:close()
  if self.over then return end
  self.over = true
  self.forget()
  self:drop()
end

return Follow
