--- What people do: start runs and commands, show them, type into them, end them.
local ask = require('headgate.ask')
local config = require('headgate.config')
local context = require('headgate.context')
local output = require('headgate.output')
local proposals = require('headgate.proposals')
local ps = require('headgate.ps')
local save = require('headgate.save')
local session = require('headgate.session')
local text = require('headgate.text')
local timeline = require('headgate.timeline')
local watch = require('headgate.watch')
local M = {}

--- The run of commands that are typed, as that of `headgate sh`.
local SHELL_RUN = 'shell'
--- How often a kill that is under way is looked at.
local RECEIPT_LOOK_MS = 200
local RECEIPT_LOOKS = 100

local function inform(words) vim.notify('Headgate: ' .. words) end

local function complain(failure)
  vim.notify('Headgate: ' .. (type(failure) == 'table' and failure.message or failure), vim.log.levels.ERROR)
end

--- A callback that complains of a failure, else calls `action(result)`.
local function checked(action)
  return function(failure, result)
    if failure then return complain(failure) end
    action(result)
  end
end

--- Runs `action` when there is a connection.
local function connected(action)
  session.ensure(checked(function()
    watch.start()
    action()
  end))
end

--- The run that the current buffer shows, or nil.
function M.run_here() return vim.b.headgate_run end

--- The command that the current buffer shows or its cursor is on, as `{run, path}`; path may be nil.
function M.place_here()
  local listed = ps.command_here()
  if listed then return listed end
  if vim.b.headgate_path then return { run = vim.b.headgate_run, path = vim.b.headgate_path } end
  local shown = timeline.of(vim.api.nvim_get_current_buf())
  if shown then return { run = shown.run, path = shown:path_at(vim.api.nvim_win_get_cursor(0)[1] - 1) } end
end

--- The model of a new run: the option, HEADGATE_MODEL, the only one that was added, a choice; `scripted` when none was added.
local function with_model(action)
  local named = config.options.model or vim.loop.os_getenv('HEADGATE_MODEL')
  if named and named ~= '' then return action(named) end
  session.look('getModels', {}, checked(function(models)
    local added = {}
    for _, model in ipairs(models) do
      if model.alias ~= 'scripted' then added[#added + 1] = model.alias end
    end
    if #added <= 1 then return action(added[1] or 'scripted') end
    vim.ui.select(added, { prompt = 'Model of the new run' }, function(choice)
      if choice then action(choice) end
    end)
  end))
end

--- Prompts a run (`options.run`, else that of the current buffer, else a new one) and shows its timeline.
--- `options`: `method` ('act' or 'ask'), `first`, `last` (lines of the current buffer that go along), `done(failure, run)`.
function M.act(prompt, options)
  options = options or {}
  if not prompt or prompt == '' then return M.prompt(options.run, options) end
  local run = options.run or M.run_here()
  local buffer = vim.api.nvim_get_current_buf()
  local words = context.prompt(prompt, buffer, options.first, options.last)
  if vim.fn.strchars(words) > context.MAX_CHARACTERS then
    return complain('the selection is too long: a prompt has ' .. context.MAX_CHARACTERS .. ' characters at most')
  end
  local function send(params)
    params.prompt = words
    session.call(options.method or 'act', params, function(failure, result)
      if options.done then options.done(failure, result and result.run) end
      if failure then return complain(failure) end
      timeline.open(result.run, checked(function() end))
    end)
  end
  connected(function()
    if run then return send({ run = run }) end
    with_model(function(model) send({ model = model }) end)
  end)
end

--- Asks for a prompt, then acts.
function M.prompt(run, options)
  ask('Prompt: ', function(words)
    if words and words ~= '' then M.act(words, vim.tbl_extend('force', options or {}, { run = run })) end
  end)
end

--- Runs a command that somebody typed, in the run of the current buffer or the run `shell`, and shows its output.
--- `options`: `run`, `done(failure, place)`.
function M.sh(command, options)
  options = options or {}
  local run = options.run or M.run_here() or SHELL_RUN
  local done = options.done or function() end
  local params = { run = run, command = text.utf8(command) }
  connected(function()
    local release = proposals.hold(run)
    local function finish(failure, place)
      release()
      done(failure, place)
      if failure then return complain(failure) end
      output.open(place.run, place.path)
    end
    local function proposed(failure, place)
      if failure then return finish(failure) end
      if place.status ~= 202 then return finish(nil, place) end
      proposals.answer(place, { action = 'accept' }, function(problem)
        if problem and problem.name ~= 'proposal_resolved' then return finish(problem) end
        finish(nil, place)
      end)
    end
    session.call('sh', params, function(failure, place)
      if not failure or failure.name ~= 'not_found' or run ~= SHELL_RUN then return proposed(failure, place) end
      session.call('startRun', { model = 'scripted', alias = run }, function(problem)
        if problem and problem.name ~= 'alias_taken' then return finish(problem) end
        session.call('sh', params, proposed)
      end)
    end)
  end)
end

--- Shows a run; without one the runs to choose from. `done(failure, buffer)`.
function M.attach(run, done)
  if not run or run == '' then return M.runs() end
  connected(function()
    timeline.open(run, function(failure, buffer)
      if failure then complain(failure) end
      if done then done(failure, buffer) end
    end)
  end)
end

--- Lets a run be chosen, newest first, and shows it.
function M.runs()
  connected(function()
    session.look('getRuns', {}, checked(function(runs)
      if #runs == 0 then return inform('there are no runs; begin one: :Headgate act PROMPT') end
      local function row(run)
        local waits = 0
        for _, proposal in ipairs(proposals.list()) do
          if proposal.run == run.run then waits = waits + 1 end
        end
        local words = string.format('%s  %s  turn %d  %s', run.run, text.status(run.status), run.turn, run.model)
        return words .. (waits > 0 and '  ' .. waits .. ' waiting' or '')
      end
      vim.ui.select(runs, { prompt = 'Runs', format_item = row }, function(run)
        if run then M.attach(run.run) end
      end)
    end))
  end)
end

--- The commands that run, in every run.
function M.ps() connected(function() ps.open(checked(function() end)) end) end

--- Calls `action(place)` with the command of the current buffer, else the newest that runs in its run, or at all.
local function with_command(run, path, action)
  if run and path then return action({ run = run, path = path }) end
  connected(function()
    session.look('stream/list', { run = run, state = 'live' }, checked(function(listed)
      if not listed[1] then return inform('no command runs' .. (run and ' in ' .. run or '')) end
      action(listed[1])
    end))
  end)
end

--- Shows the output of a command: of `path` in `run`, else of the one here, else of the newest that runs.
function M.output(run, path)
  local here = (run and { run = run, path = path }) or M.place_here() or {}
  connected(function()
    with_command(here.run, here.path, function(place) output.open(place.run, place.path) end)
  end)
end

local function await_receipt(place, done, looks)
  session.look('stream/receipt', { run = place.run, path = place.path }, function(failure, answer)
    if failure then return done(failure) end
    if answer.receipt and answer.receipt.finishedAt then return done(nil, answer.receipt) end
    if answer.state ~= 'cancelling' or looks == 0 then return done(nil, answer.receipt) end
    vim.defer_fn(function() await_receipt(place, done, looks - 1) end, RECEIPT_LOOK_MS)
  end)
end

--- Ends a command with its whole tree: `path` in `run`, else the one here, else the newest that runs; then tells the receipt.
--- `done(failure, receipt)`.
function M.cancel(run, path, done)
  local here = (run and { run = run, path = path }) or M.place_here() or {}
  done = done or function() end
  local function over(failure, receipt)
    if failure then
      complain(failure)
    else
      inform(receipt and 'cancelled: ' .. text.receipt(receipt) or 'cancelled')
    end
    done(failure, receipt)
  end
  connected(function()
    with_command(here.run, here.path, function(place)
      local params = { run = place.run, path = place.path, reason = 'cancelled in Neovim' }
      session.call('stream/cancel', params, function(failure)
        if failure then return over(failure) end
        await_receipt(place, over, RECEIPT_LOOKS)
      end)
    end)
  end)
end

--- Ends the loops of a run: its model, its waiting proposals and the command that it waits for.
function M.abort(run)
  run = run or M.run_here()
  if not run then return complain('which run? :Headgate abort RUN') end
  connected(function()
    session.call('run/abort', { run = run }, checked(function(result) inform(run .. ': ' .. text.status(result.status)) end))
  end)
end

--- Types into a command. `options`: `eof` (end its input), `secret` (refused where it would be echoed).
function M.input(run, path, chunk, options)
  options = options or {}
  local params = { run = run, path = path, chunk = text.utf8(chunk), eof = options.eof, secret = options.secret }
  if chunk == '' then params.chunk = nil end
  session.call('stream/input', params, checked(function(result)
    local sent = #(params.chunk or '')
    if result.bytes < sent then
      complain('the command took only ' .. result.bytes .. ' of ' .. sent .. ' bytes; the rest is not sent')
    end
  end))
end

--- Asks for a line and types it into a command; a secret is not shown and not kept.
function M.ask_input(run, path, secret)
  if secret then
    vim.fn.inputsave()
    local ok, line = pcall(vim.fn.inputsecret, 'Secret: ')
    vim.fn.inputrestore()
    if ok and line ~= '' then M.input(run, path, line .. '\n', { secret = true }) end
    return
  end
  ask('Input: ', function(line)
    if line then M.input(run, path, line .. '\n') end
  end)
end

--- Asks for a line for the command here, else for the newest that runs in the run of this buffer.
function M.input_here(secret, line)
  local here = M.place_here() or {}
  connected(function()
    with_command(here.run, here.path, function(place)
      if line then return M.input(place.run, place.path, line .. '\n') end
      M.ask_input(place.run, place.path, secret)
    end)
  end)
end

--- Ends the input of the command here.
function M.end_input()
  local here = M.place_here() or {}
  connected(function()
    with_command(here.run, here.path, function(place) M.input(place.run, place.path, '', { eof = true }) end)
  end)
end

--- Goes to the float of the oldest waiting proposal.
function M.answer() connected(function() proposals.show(true) end) end

--- Writes the exact bytes of a channel of the command here into a file.
function M.save(file, channel)
  local here = M.place_here()
  if not here or not here.path then return complain('no command here; go to its output first') end
  save.channel(here.run, here.path, channel or 1, vim.fn.fnamemodify(file, ':p'), checked(function() inform('wrote ' .. file) end))
end

return M
