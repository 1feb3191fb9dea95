--- What waits for an answer: kept for every run of the project, shown in a float for the runs that this editor takes part
--- in (SPEC {#nvim_proposals}).
local ask = require('headgate.ask')
local card = require('headgate.card')
local events = require('headgate.events')
local guard = require('headgate.guard')
local session = require('headgate.session')
local text = require('headgate.text')
local M = {}

--- Waiting proposals, oldest first.
local waiting = {}
--- Runs whose proposals are shown.
local interest = {}
--- Answered ones, and those that were put off.
local resolved, postponed = {}, {}
--- How many commands typed here are being proposed, by run: what they propose is accepted at once and not shown.
local held = {}
local started = false

local function key_of(proposal) return proposal.run .. ' ' .. proposal.path end

local function warn(words) vim.notify('Headgate: ' .. words, vim.log.levels.WARN) end

--- All waiting proposals, oldest first.
function M.list() return waiting end

--- True for a question: its accept carries the answer (SPEC {#ask_user}).
function M.is_question(proposal) return type(proposal.attributes.question) == 'string' end

local function next_to_show()
  for _, proposal in ipairs(waiting) do
    if interest[proposal.run] and not postponed[key_of(proposal)] and (held[proposal.run] or 0) == 0 then return proposal end
  end
end

--- Shows the oldest one that is to be shown. `by_hand`: also what was put off, and the cursor goes there.
function M.show(by_hand)
  if by_hand then postponed = {} end
  local proposal = next_to_show() or (by_hand and waiting[1])
  if not proposal then
    card.close()
    if by_hand then vim.notify('Headgate: nothing waits for an answer') end
    return
  end
  card.show(proposal, { question = M.is_question(proposal), by_hand = by_hand, answer = M.answer, ask = M.ask, later = M.later })
end

local function add(proposal)
  local key = key_of(proposal)
  if resolved[key] then return end
  for _, one in ipairs(waiting) do
    if key_of(one) == key then return end
  end
  table.insert(waiting, proposal)
  if interest[proposal.run] or (held[proposal.run] or 0) > 0 then
    M.show()
  else
    vim.notify('Headgate: in ' .. proposal.run .. ' waits: ' .. text.visible(proposal.summary) .. ' (:Headgate attach ' .. proposal.run .. ')')
  end
  M.changed()
end

local function remove(run, path)
  local key = key_of({ run = run, path = path })
  resolved[key] = true
  for index, one in ipairs(waiting) do
    if key_of(one) == key then table.remove(waiting, index) end
  end
  card.answered(run, path)
  M.show()
  M.changed()
end

function M.changed() guard(vim.api.nvim_exec_autocmds, 'User', { pattern = 'HeadgateProposals', modeline = false }) end

--- This run's proposals are shown from now on.
function M.take_part(run)
  interest[run] = true
  M.show()
end

--- While a command that somebody typed here is being proposed, it is not shown. Returns how to end that.
function M.hold(run)
  held[run] = (held[run] or 0) + 1
  return function()
    held[run] = held[run] - 1
    M.show()
  end
end

--- Answers a proposal. `resolution`: `{action, output?, remember?}`.
function M.answer(proposal, resolution, done)
  resolution.path = proposal.path
  session.call('run/resolve', { run = proposal.run, resolution = resolution }, function(failure, result)
    if not failure then
      for _, rule in ipairs(result.remembered or {}) do
        vim.notify('Headgate: remembered: ' .. (resolution.action == 'accept' and 'allow ' or 'deny ') .. text.visible(rule))
      end
    elseif failure.name == 'proposal_resolved' then
      local first = failure.data.resolution
      warn(first and text.visible(first.by) .. ' was faster: ' .. first.action or 'it does not wait any more')
      remove(proposal.run, proposal.path)
    else
      warn(failure.message)
    end
    if done then done(failure, result) end
  end)
end

--- Asks the person for the answer to a question.
function M.ask(proposal)
  local function give(answer)
    if answer and answer ~= '' then M.answer(proposal, { action = 'accept', output = text.utf8(answer) }) end
  end
  local function type_it() ask('Answer: ', give) end
  local options = proposal.attributes.options
  if type(options) ~= 'table' or #options == 0 then return type_it() end
  local choices = vim.list_extend({}, options)
  table.insert(choices, 'another answer ...')
  local shown = { prompt = text.visible(proposal.summary), format_item = text.visible }
  vim.ui.select(choices, shown, function(choice, index)
    if index == #choices then return type_it() end
    give(choice)
  end)
end

--- Puts a proposal off until somebody asks for it.
function M.later(proposal)
  postponed[key_of(proposal)] = true
  M.show()
end

--- The run `from` is called `to` now (SPEC {#renamed_runs}).
function M.renamed(from, to)
  interest[to], interest[from] = interest[from], nil
  held[to], held[from] = held[from], nil
  for _, one in ipairs(waiting) do
    if one.run == from then
      local key = key_of(one)
      one.run = to
      postponed[key_of(one)], postponed[key] = postponed[key], nil
    end
  end
  M.show()
end

--- What waits now: after a connection was made.
local function load()
  local known = vim.list_extend({}, waiting)
  session.call('getProposals', {}, function(failure, listed)
    if failure then return end
    local still = {}
    for _, proposal in ipairs(listed) do
      still[key_of(proposal)] = true
      add(proposal)
    end
    for _, proposal in ipairs(known) do
      if not still[key_of(proposal)] then remove(proposal.run, proposal.path) end
    end
  end)
end

--- Watches the project: proposals here, everything else is passed on to `other(name, params)`.
function M.start(other)
  if started then return end
  started = true
  session.keep({ reopen = load, message = function() end })
  events.subscribe({
    event = function(name, params)
      if name == 'run/proposal' then
        add(params)
      elseif name == 'run/resolved' then
        remove(params.run, params.path)
      elseif name == 'run/state' and params.deleted then
        for _, one in ipairs(vim.list_extend({}, waiting)) do
          if one.run == params.run then remove(one.run, one.path) end
        end
      elseif name == 'entry/changed' and (params.status == 200 or params.status >= 400) then
        -- A proposal that ended without an answer: its loop was aborted.
        for _, one in ipairs(waiting) do
          if one.run == params.run and one.path == params.path then
            remove(params.run, params.path)
            break
          end
        end
      end
      other(name, params)
    end,
    failed = function(failure) warn(failure.message) end,
  })
end

return M
