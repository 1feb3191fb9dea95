--- Finds the server's unix socket and the project, as the command line does (SPEC {#cli_server}).
local config = require('headgate.config')
local M = {}

local function env(name)
  local value = vim.loop.os_getenv(name)
  if value ~= nil and value ~= '' then return value end
end

--- The data folder: the option, HEADGATE_DATA, else `headgate` in the XDG data folder.
function M.data_folder()
  if config.options.data then return vim.fn.fnamemodify(config.options.data, ':p'):gsub('/$', '') .. '' end
  if env('HEADGATE_DATA') then return env('HEADGATE_DATA') end
  return (env('XDG_DATA_HOME') or ((env('HOME') or vim.loop.os_homedir()) .. '/.local/share')) .. '/headgate'
end

--- What a file of the data folder holds: nil where there is none, false where it is damaged.
local function facts(name)
  local file = io.open(M.data_folder() .. '/' .. name, 'r')
  if not file then return nil end
  local text = file:read('*a')
  file:close()
  local ok, record = pcall(vim.json.decode, text)
  return ok and type(record) == 'table' and record or false
end

local function recorded()
  local data = M.data_folder()
  local record = facts('server.json')
  local stopped = 'no server is running on ' .. data .. '; start one: headgate serve'
  if record == nil then return nil, stopped end
  -- A record that was copied together with its data folder is of the server of the original.
  local served = record and type(record.data) == 'string' and vim.loop.fs_stat(record.data)
  local here = vim.loop.fs_stat(data)
  if served and here and (served.ino ~= here.ino or served.dev ~= here.dev) then return nil, stopped end
  if record and type(record.socket) == 'string' then return record.socket end
  return nil, data .. '/server.json is damaged; start the server again: headgate serve'
end

--- True where the server that was brought along has ended without taking its record away (SPEC {#cli_ensure}).
function M.was_killed()
  local named = config.options.socket or (not config.options.data and (env('HEADGATE_URL') or env('HEADGATE_SOCKET')))
  local record, started = facts('server.json'), facts('started.json')
  if named or not record or not started or record.pid ~= started.pid then return false end
  return vim.loop.kill(record.pid, 0) ~= 0
end

--- The path of the socket, or nil and what to do.
function M.socket()
  if config.options.socket then return config.options.socket end
  if config.options.data then return recorded() end
  local url = env('HEADGATE_URL')
  if url then
    local path = url:match('^unix:(.+)$')
    if path then return path end
    return nil, 'HEADGATE_URL names ' .. url:match('^[^:]*') .. ':, and Neovim speaks over a unix socket; set the option "socket"'
  end
  if env('HEADGATE_SOCKET') then return env('HEADGATE_SOCKET') end
  return recorded()
end

--- The project's root folder, with symbolic links resolved.
function M.project_root()
  local root = config.options.project or vim.fn.getcwd()
  return vim.loop.fs_realpath(root) or root
end

--- What the project in this folder is called: the name of the folder.
function M.project_name(root)
  local name = root:match('([^/]+)$')
  return name or 'root'
end

return M
