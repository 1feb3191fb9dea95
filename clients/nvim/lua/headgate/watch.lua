--- What the editor is told of the project without being asked: messages, reloads, the statusline.
local config = require('headgate.config')
local proposals = require('headgate.proposals')
local session = require('headgate.session')
local text = require('headgate.text')
local M = {}

local RELOAD_MS = 100

local live = {}
local reloading = false

local reload
function reload()
  if reloading or not config.options.reload then return end
  reloading = true
  vim.defer_fn(function()
    reloading = false
    -- Not under somebody who types a command.
    if vim.api.nvim_get_mode().mode == 'c' then return reload() end
    vim.cmd('checktime')
  end, RELOAD_MS)
end

local function key_of(params) return params.run .. ' ' .. params.path end

local function redraw() vim.cmd('redrawstatus!') end

local LEVELS = { info = vim.log.levels.INFO, warn = vim.log.levels.WARN, error = vim.log.levels.ERROR }

local handlers = {
  ['stream/started'] = function(params)
    live[key_of(params)] = true
    redraw()
  end,
  ['stream/ended'] = function(params)
    live[key_of(params)] = nil
    reload()
    redraw()
  end,
  ['stream/waiting'] = function(params)
    require('headgate.output').waiting(params.run, params.path, true)
    local prompt = params.prompt and ': ' .. text.visible(params.prompt) or ''
    vim.notify('Headgate: a command in ' .. params.run .. ' waits for input' .. prompt, vim.log.levels.WARN)
  end,
  ['stream/resumed'] = function(params) require('headgate.output').waiting(params.run, params.path, false) end,
  ['entry/changed'] = function(params)
    if params.status == 200 then reload() end
  end,
  ['run/state'] = function(params)
    local from = params.renamed_from
    if from then
      for _, part in ipairs({ 'proposals', 'timeline', 'output' }) do
        require('headgate.' .. part).renamed(from, params.run)
      end
    end
    if params.loop and params.status >= 400 and not params.deleted then
      vim.notify('Headgate: ' .. params.run .. ': ' .. text.run_ending(params), vim.log.levels.WARN)
    end
  end,
  ['ui/notify'] = function(params) vim.notify('Headgate: ' .. text.visible(params.text), LEVELS[params.level]) end,
}

--- Watches from now on; once.
function M.start()
  if M.started then return end
  M.started = true
  proposals.start(function(name, params)
    if handlers[name] then handlers[name](params) end
  end)
  session.keep({
    message = function() end,
    reopen = function()
      session.call('stream/list', { state = 'live' }, function(failure, listed)
        if failure then return end
        live = {}
        for _, producer in ipairs(listed) do
          live[key_of(producer)] = true
        end
        redraw()
      end)
    end,
  })
end

--- `headgate: 1 proposal, 2 running`; empty where there is nothing to say.
function M.statusline()
  if session.state == 'lost' then return 'headgate: not connected' end
  if session.state ~= 'open' then return '' end
  local parts = {}
  local waiting, running = #proposals.list(), vim.tbl_count(live)
  if waiting > 0 then parts[1] = waiting .. (waiting == 1 and ' proposal' or ' proposals') end
  if running > 0 then parts[#parts + 1] = running .. ' running' end
  return #parts > 0 and 'headgate: ' .. table.concat(parts, ', ') or 'headgate'
end

return M
