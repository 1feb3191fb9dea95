--- The float of a proposal: what would happen, where, and the keys that answer it.
local ask = require('headgate.ask')
local buffers = require('headgate.buffers')
local config = require('headgate.config')
local text = require('headgate.text')
local M = {}

local namespace = vim.api.nvim_create_namespace('headgate_card')
--- A key that was meant for something else, pressed as the float appeared, answers nothing.
local GUARD_MS = 300
local MAX_WIDTH = 100

--- What is shown: `{proposal, buffer, window}`.
local shown

local function rules(proposal)
  local attributes = proposal.attributes
  local accept = type(attributes.remember) == 'table' and attributes.remember or {}
  local reject = type(attributes.remember_reject) == 'string' and attributes.remember_reject or nil
  return accept, reject
end

--- Where and how it would run, in words; nil for what runs as a plain process. The summary ends with that in brackets.
local function place(proposal)
  local plain, summary = proposal.attributes.summary, proposal.summary
  if type(plain) ~= 'string' or #summary <= #plain + 3 or summary:sub(1, #plain) ~= plain then return nil end
  return summary:sub(#plain + 3, -2)
end

local DIFF = { ['+'] = 'DiffAdd', ['-'] = 'DiffDelete', ['@'] = 'DiffText' }

--- The lines of the float below its keys, and their highlight groups by line.
local function content(proposal)
  local lines, groups = {}, {}
  local function put(words, group)
    for _, line in ipairs(text.visible_lines(words)) do
      lines[#lines + 1] = line
      groups[#lines] = type(group) == 'table' and group[line:sub(1, 1)] or (type(group) == 'string' and group or nil)
    end
  end
  put(proposal.command or proposal.summary, 'Title')
  local where = place(proposal)
  if where then put('in ' .. text.visible(where), 'WarningMsg') end
  for _, option in ipairs(type(proposal.attributes.options) == 'table' and proposal.attributes.options or {}) do
    put('- ' .. text.visible(option))
  end
  if type(proposal.attributes.diff) == 'string' then
    put('')
    put((proposal.attributes.diff:gsub('\n$', '')), DIFF)
  end
  local accept, reject = rules(proposal)
  if #accept > 0 or reject then put('') end
  for _, rule in ipairs(accept) do
    put('m, for all that follows: allow ' .. text.visible(rule), 'Comment')
  end
  if reject then put('f, for all that follows: deny ' .. text.visible(reject), 'Comment') end
  return lines, groups
end

local function key_line(proposal, question)
  local accept, reject = rules(proposal)
  local keys = { question and 'a answer' or 'a accept', 'r reject' }
  if #accept > 0 then keys[#keys + 1] = 'm accept and remember' end
  if reject then keys[#keys + 1] = 'f reject and remember' end
  keys[#keys + 1] = 'q later'
  return table.concat(keys, '   ')
end

local function takes_focus(by_hand)
  if by_hand then return true end
  local wanted = config.options.focus
  if wanted == 'never' or vim.api.nvim_get_mode().mode ~= 'n' then return false end
  return wanted == 'always' or vim.bo.filetype:match('^headgate') ~= nil
end

local function size(lines)
  local width = 40
  for _, line in ipairs(lines) do
    width = math.max(width, vim.fn.strdisplaywidth(line))
  end
  width = math.min(width, MAX_WIDTH, math.max(20, vim.o.columns - 6))
  local height = 0
  for _, line in ipairs(lines) do
    height = height + math.max(1, math.ceil(vim.fn.strdisplaywidth(line) / width))
  end
  return width, math.min(height, math.max(4, math.floor(vim.o.lines * 0.6)))
end

local function map_keys(buffer, proposal, options)
  local function reject(more)
    ask('Reason (may be empty): ', function(reason)
      if reason == nil then return end
      more.action = 'reject'
      if reason ~= '' and not more.remember then more.output = text.utf8(reason) end
      options.answer(proposal, more)
    end)
  end
  local accept_rules, reject_rule = rules(proposal)
  buffers.map(buffer, 'a', function()
    if options.question then return options.ask(proposal) end
    options.answer(proposal, { action = 'accept' })
  end, 'accept or answer')
  buffers.map(buffer, 'r', function() reject({}) end, 'reject, with a reason')
  if #accept_rules > 0 then
    buffers.map(buffer, 'm', function() options.answer(proposal, { action = 'accept', remember = true }) end, 'accept and remember')
  end
  if reject_rule then
    buffers.map(buffer, 'f', function() options.answer(proposal, { action = 'reject', remember = true }) end, 'reject and remember')
  end
end

--- Shows a proposal, in place of another one. `options`: `question`, `by_hand`, `answer`, `ask` and `later`.
function M.show(proposal, options)
  if shown and shown.proposal.path == proposal.path and shown.proposal.run == proposal.run and vim.api.nvim_win_is_valid(shown.window) then
    if options.by_hand then vim.api.nvim_set_current_win(shown.window) end
    return
  end
  M.close()
  local below, groups = content(proposal)
  local verb = options.question and ' asks' or ' proposes'
  local lines = vim.list_extend({ text.visible(proposal.action) .. verb .. ' in ' .. proposal.run, '', '' }, below)
  local keys = key_line(proposal, options.question)
  lines[2] = keys
  local width, height = size(lines)
  if #lines > height then lines[1] = lines[1] .. string.format(' (%d lines: scroll)', #below) end
  local buffer = buffers.make('headgate://proposal', 'headgate-proposal')
  vim.bo[buffer].bufhidden = 'wipe'
  lines[2] = ''
  buffers.set_lines(buffer, 0, -1, lines)
  vim.api.nvim_buf_add_highlight(buffer, namespace, 'Question', 0, 0, -1)
  for row, group in pairs(groups) do
    vim.api.nvim_buf_add_highlight(buffer, namespace, group, row + 2, 0, -1)
  end
  local focus = takes_focus(options.by_hand)
  local window = vim.api.nvim_open_win(buffer, focus, {
    relative = 'editor',
    style = 'minimal',
    border = 'rounded',
    width = width,
    height = height,
    row = math.max(0, math.floor((vim.o.lines - height) / 3)),
    col = math.max(0, math.floor((vim.o.columns - width) / 2)),
  })
  vim.wo[window].wrap = true
  vim.wo[window].winhighlight = 'Normal:NormalFloat'
  shown = { proposal = proposal, buffer = buffer, window = window }
  buffers.map(buffer, 'q', function() options.later(proposal) end, 'answer it later')
  for _, key in ipairs({ 'a', 'r', 'm', 'f', 'i', 'o', 'c' }) do
    buffers.map(buffer, key, '<Nop>', 'nothing')
  end
  vim.defer_fn(function()
    if not vim.api.nvim_buf_is_valid(buffer) then return end
    map_keys(buffer, proposal, options)
    buffers.set_lines(buffer, 1, 2, { focus and keys or keys .. '   (:Headgate answer goes here)' })
    vim.api.nvim_buf_add_highlight(buffer, namespace, 'MoreMsg', 1, 0, -1)
  end, options.by_hand and 0 or GUARD_MS)
end

--- Closes the float; the cursor goes back to where it was.
function M.close()
  local old = shown
  shown = nil
  if not old then return end
  if vim.api.nvim_win_is_valid(old.window) then vim.api.nvim_win_close(old.window, true) end
  if vim.api.nvim_buf_is_valid(old.buffer) then vim.api.nvim_buf_delete(old.buffer, { force = true }) end
end

--- Closes the float of a proposal that was answered, here or elsewhere.
function M.answered(run, path)
  if shown and shown.proposal.run == run and shown.proposal.path == path then M.close() end
end

return M
