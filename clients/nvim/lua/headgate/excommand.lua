--- The command `:Headgate`: its words, and their completion.
local M = {}

local function headgate() return require('headgate') end

local function range_of(options)
  if options.range == 0 then return nil, nil end
  return options.line1, options.line2
end

local function prompting(method)
  return function(rest, options)
    local first, last = range_of(options)
    headgate().act(rest, { method = method, first = first, last = last })
  end
end

--- Word -> what it does with the rest of the line.
local actions = {
  act = prompting('act'),
  ask = prompting('ask'),
  sh = function(rest)
    if rest == '' then return vim.notify('Headgate: which command? :Headgate sh COMMAND', vim.log.levels.ERROR) end
    headgate().sh(rest)
  end,
  runs = function() headgate().runs() end,
  attach = function(rest) headgate().attach(rest) end,
  output = function(rest)
    local run, path = rest:match('^(%S+)%s*(%S*)')
    headgate().output(run, path ~= '' and path or nil)
  end,
  cancel = function(rest)
    local run, path = rest:match('^(%S+)%s*(%S*)')
    headgate().cancel(run, path ~= '' and path or nil)
  end,
  abort = function(rest) headgate().abort(rest ~= '' and rest or nil) end,
  ps = function() headgate().ps() end,
  answer = function() headgate().answer() end,
  input = function(rest) headgate().input(false, rest ~= '' and rest or nil) end,
  secret = function() headgate().input(true) end,
  eof = function() require('headgate.commands').end_input() end,
  save = function(rest)
    local file, channel = rest:match('^(.-)%s+#(%d+)$')
    if not file then file = rest end
    if file == '' then return vim.notify('Headgate: into which file? :Headgate save FILE', vim.log.levels.ERROR) end
    headgate().save(file, tonumber(channel))
  end,
  disconnect = function() headgate().disconnect() end,
}

--- Words that are followed by the name of a run.
local WITH_RUN = { attach = true, output = true, cancel = true, abort = true }
local COMPLETION_MS = 500

--- Carries out `:Headgate WORD ...`.
function M.run(options)
  local word, rest = options.args:match('^(%S*)%s*(.*)$')
  if word == '' then word = 'runs' end
  if not actions[word] then
    return vim.notify('Headgate: there is no "' .. word .. '"; see :help headgate-commands', vim.log.levels.ERROR)
  end
  actions[word](rest, options)
end

local function beginning_with(words, start)
  local found = vim.tbl_filter(function(word) return vim.startswith(word, start) end, words)
  table.sort(found)
  return found
end

--- Completes words and the names of runs.
function M.complete(start, line)
  local word = line:match('Headgate%s+(%S+)%s')
  if not word then return beginning_with(vim.tbl_keys(actions), start) end
  if not WITH_RUN[word] or line:match('Headgate%s+%S+%s+%S+%s') then return {} end
  local runs = require('headgate.session').call_now('getRuns', { limit = 200 }, COMPLETION_MS) or {}
  return beginning_with(vim.tbl_map(function(run) return run.run end, runs), start)
end

return M
