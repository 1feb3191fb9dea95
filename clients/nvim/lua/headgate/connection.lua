--- One connection over a unix socket: JSON-RPC messages, one a line (SPEC {#transport_lines}).
local guard = require('headgate.guard')
local uv = vim.loop
local Connection = {}
Connection.__index = Connection

--- Undispatched bytes at which reading stops and goes on.
local HIGH_WATER_BYTES = 4 * 1024 * 1024
local LOW_WATER_BYTES = 512 * 1024
--- Time for messages before the editor gets its turn, and the pause that gives it.
local SLICE_NS = 8 * 1000000
local PAUSE_MS = 1

--- Connects to `path`. `handlers.opened()`, `handlers.message(name, params)`, `handlers.closed(reason)`, all outside of
--- fast events; after `closed` nothing comes.
function Connection.open(path, handlers)
  local self = setmetatable({
    pipe = uv.new_pipe(false),
    handlers = handlers,
    partial = {},
    queue = {},
    first = 1,
    last = 0,
    queued_bytes = 0,
    next_id = 0,
    waiting = {},
  }, Connection)
  self.pipe:connect(path, function(failure)
    if failure then return self:fail(failure) end
    self.pipe:read_start(function(err, data) self:receive(err, data) end)
    vim.schedule(function()
      if not self.over then handlers.opened() end
    end)
  end)
  return self
end

--- Calls a method; `callback(failure, result)` is called once. A failure is `{message, name?, data?}`.
function Connection:call(method, params, callback)
  callback = callback or function() end
  if self.over then return callback({ message = 'the connection to the server is lost', name = 'closed' }) end
  self.next_id = self.next_id + 1
  self.waiting[self.next_id] = callback
  if params == nil or next(params) == nil then params = vim.empty_dict() end
  local message = { jsonrpc = '2.0', id = self.next_id, method = method, params = params }
  local ok, line = pcall(vim.json.encode, message)
  if not ok then
    self.waiting[self.next_id] = nil
    return callback({ message = 'this cannot be sent: ' .. tostring(line) })
  end
  self.pipe:write(line .. '\n')
end

--- Ends the connection; `handlers.closed` is not called, calls that are under way fail.
function Connection:close()
  self:shut()
  self:abandon('the connection to the server was ended')
end

function Connection:shut()
  self.over = true
  if not self.pipe:is_closing() then self.pipe:close() end
end

function Connection:abandon(message)
  local waiting = self.waiting
  self.waiting = {}
  for _, callback in pairs(waiting) do
    guard(callback, { message = message, name = 'closed' })
  end
end

function Connection:receive(err, data)
  if err or not data then return self:fail(err or 'it was ended') end
  local from = 1
  while true do
    local stop = data:find('\n', from, true)
    if not stop then break end
    self.partial[#self.partial + 1] = data:sub(from, stop - 1)
    local line = table.concat(self.partial)
    self.partial = {}
    self.last = self.last + 1
    self.queue[self.last] = line
    self.queued_bytes = self.queued_bytes + #line
    from = stop + 1
  end
  if from <= #data then self.partial[#self.partial + 1] = data:sub(from) end
  if self.queued_bytes > HIGH_WATER_BYTES and not self.paused then
    self.paused = true
    self.pipe:read_stop()
  end
  self:wake()
end

function Connection:wake()
  if self.draining or self.over then return end
  self.draining = true
  vim.schedule(function() self:drain() end)
end

function Connection:drain()
  local until_ns = uv.hrtime() + SLICE_NS
  while self.first <= self.last and not self.over do
    local line = self.queue[self.first]
    self.queue[self.first] = nil
    self.first = self.first + 1
    self.queued_bytes = self.queued_bytes - #line
    if line ~= '' then guard(self.dispatch, self, line) end
    if uv.hrtime() > until_ns then break end
  end
  if self.over then return end
  if self.paused and self.queued_bytes < LOW_WATER_BYTES then
    self.paused = false
    self.pipe:read_start(function(err, data) self:receive(err, data) end)
  end
  self.draining = false
  if self.first <= self.last then
    self.draining = true
    vim.defer_fn(function() self:drain() end, PAUSE_MS)
  elseif self.failure then
    self:lose()
  end
end

function Connection:dispatch(line)
  local ok, message = pcall(vim.json.decode, line, { luanil = { object = true } })
  if not ok or type(message) ~= 'table' then return end
  if message.method then return self.handlers.message(message.method, message.params or {}) end
  local callback = self.waiting[message.id]
  if not callback then return end
  self.waiting[message.id] = nil
  local failure = message.error
  if failure then
    local data = type(failure.data) == 'table' and failure.data or {}
    callback({ message = failure.message, name = data.name, data = data })
  else
    callback(nil, message.result)
  end
end

--- The link is gone: what has come already is dispatched first.
function Connection:fail(reason)
  if self.failure then return end
  self.failure = tostring(reason)
  vim.schedule(function()
    if self.first > self.last and not self.draining then self:lose() end
  end)
end

function Connection:lose()
  if self.over then return end
  self:shut()
  -- First: the callbacks ask whether the connection is being made again.
  guard(self.handlers.closed, self.failure)
  self:abandon('the connection to the server is lost')
end

return Connection
