--- The link to the server: found, kept, and made again after a restart. Subscriptions outlive a lost connection by their
--- cursors (SPEC {#nvim_reconnect}).
local config = require('headgate.config')
local Connection = require('headgate.connection')
local guard = require('headgate.guard')
local locate = require('headgate.locate')
local M = { state = 'closed' }

local connection
--- The one that is being made, and how often somebody ended it: what was to be tried later is not tried then.
local making
local ended = 0
local pending = {}
--- The server that is being started: `{problem}` once that has failed.
local start
local retries = 0
local listeners = {}
--- What is opened again with each connection: `{reopen(), message(name, params)}`.
local subscriptions = {}

local function tell(state, reason)
  M.state = state
  guard(vim.api.nvim_exec_autocmds, 'User', { pattern = 'HeadgateState', modeline = false })
  if reason then vim.notify('Headgate: ' .. reason, state == 'open' and vim.log.levels.INFO or vim.log.levels.WARN) end
end

local function settle(failure)
  local waiting = pending
  pending = {}
  for _, callback in ipairs(waiting) do
    guard(callback, failure)
  end
end

local try

--- How long a server that was started may take until it answers.
local START_MS = 30000

local function try_later(pause)
  local before = ended
  vim.defer_fn(function()
    if ended == before then try() end
  end, pause)
end

local function again()
  local pause = math.min(config.options.retry_ms * 2 ^ math.min(retries, 6), config.options.retry_max_ms)
  retries = retries + 1
  try_later(pause)
end

--- Starts a server in the background; what goes wrong becomes `problem` of what it answers.
local function start_server()
  local this, said = {}, {}
  local function wrong(why)
    if this.problem or this ~= start then return end
    this.problem = 'no server could be started: ' .. why
    if M.state == 'lost' then vim.notify('Headgate: ' .. this.problem, vim.log.levels.WARN) end
  end
  start = this
  local command = vim.deepcopy(config.options.serve_command)
  if config.options.data then vim.list_extend(command, { '--data', locate.data_folder() }) end
  local ok, job = pcall(vim.fn.jobstart, command, {
    detach = true,
    on_stderr = function(_, lines) vim.list_extend(said, lines) end,
    on_exit = function(_, code)
      local words = vim.trim(table.concat(said, '\n')):gsub('^headgate: ', ''):gsub('\n%s*', '; ')
      if code ~= 0 then wrong(words ~= '' and words or table.concat(command, ' ') .. ' ended with ' .. code) end
    end,
  })
  if not ok or job <= 0 then wrong(command[1] .. ' cannot be run; set the option "serve_command"') end
  vim.defer_fn(function() wrong(table.concat(command, ' ') .. ' was started, and no server answers') end, START_MS)
end

--- The first connection failed: says why, unless a server is being started.
local function refuse(reason)
  if config.options.auto_start and not start then start_server() end
  if start and not start.problem then return try_later(config.options.retry_ms) end
  local message = start and start.problem or reason
  M.state, start = 'closed', nil
  settle({ message = message, name = 'closed' })
end

local function fail(reason)
  making = nil
  if M.state == 'lost' then
    if config.options.auto_start and not start and locate.was_killed() then start_server() end
    return again()
  end
  refuse(reason)
end

local function ready(fresh)
  local back = M.state == 'lost'
  connection, making, retries, start = fresh, nil, 0, nil
  tell('open', back and 'connected again' or nil)
  for _, one in ipairs(vim.list_slice(subscriptions)) do
    guard(one.reopen)
  end
  settle()
end

function try()
  local path, problem = locate.socket()
  if not path then return fail(problem) end
  local fresh
  fresh = Connection.open(path, {
    opened = function()
      local params = {
        name = locate.project_name(M.root),
        projectRoot = M.root,
        client = { name = 'neovim' },
      }
      fresh:call('init', params, function(failure, result)
        if not failure then
          M.last_seq = result.lastSeq
          return ready(fresh)
        end
        if failure.name == 'closed' then return end
        fresh:close()
        fail(failure.message)
      end)
    end,
    message = function(name, params)
      for _, one in ipairs(vim.list_slice(subscriptions)) do
        guard(one.message, name, params)
      end
      for _, listener in ipairs(listeners[name] or {}) do
        guard(listener, params)
      end
    end,
    closed = function(reason)
      if connection ~= fresh then return fail('no server answers at ' .. path .. ' (' .. reason .. '); start one: headgate serve') end
      connection = nil
      tell('lost', 'the connection to the server is lost; looking for it')
      again()
    end,
  })
  making = fresh
end

--- Calls back with nil when there is a connection, else with the failure. The project is that of the first connection.
function M.ensure(callback)
  if connection then return callback() end
  pending[#pending + 1] = callback
  if M.state == 'lost' or M.state == 'connecting' then return end
  M.state = 'connecting'
  if not M.last_seq then M.root = locate.project_root() end
  try()
end

--- Calls a method, connecting first when needed; `callback(failure, result)`. A call that was under way when the connection
--- broke is not made again.
function M.call(method, params, callback)
  M.ensure(function(failure)
    if failure then return callback and callback(failure) end
    if not connection then return callback and callback({ message = 'the connection to the server is lost', name = 'closed' }) end
    connection:call(method, params, callback)
  end)
end

--- As `call`, for methods that only read: made again after a lost connection.
function M.look(method, params, callback)
  M.call(method, params, function(failure, result)
    if failure and failure.name == 'closed' and M.state == 'lost' then return M.look(method, params, callback) end
    callback(failure, result)
  end)
end

--- As `look`, for what a buffer shows: made again also with the connection that somebody makes after `close`.
function M.look_through(method, params, callback)
  M.look(method, params, function(failure, result)
    if not failure or failure.name ~= 'closed' then return callback(failure, result) end
    local forget
    forget = M.keep({
      message = function() end,
      reopen = function()
        forget()
        M.look_through(method, params, callback)
      end,
    })
  end)
end

--- Waits for a call; for completion and for health checks only. Returns the result, or nil and the failure.
function M.call_now(method, params, timeout_ms)
  local done, failure, result = false, nil, nil
  M.call(method, params, function(problem, answer)
    done, failure, result = true, problem, answer
  end)
  vim.wait(timeout_ms, function() return done end, 10)
  if not done then return nil, { message = 'the server did not answer in time' } end
  return result, failure
end

--- Calls `listener(params)` for every notification of that name.
function M.on(name, listener)
  listeners[name] = listeners[name] or {}
  table.insert(listeners[name], listener)
end

--- Registers what is to be opened again with every connection; opens it at once when there is one. Returns how to end it.
function M.keep(subscription)
  table.insert(subscriptions, subscription)
  if connection then subscription.reopen() end
  return function()
    for index, one in ipairs(subscriptions) do
      if one == subscription then table.remove(subscriptions, index) end
    end
  end
end

--- Ends the connection; what was started goes on, and what is kept is opened again with the next connection.
function M.close()
  if M.state == 'closed' then return end
  local old = connection or making
  connection, making, start, retries, ended = nil, nil, nil, 0, ended + 1
  tell('closed')
  if old then old:close() end
  settle({ message = 'the connection to the server was ended', name = 'closed' })
end

return M
