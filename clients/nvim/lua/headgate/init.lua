--- The Neovim client of Headgate: `require('headgate')`.
--- Everything here can be mapped; `:help headgate` says what each does.
local M = {}

local function command(name)
  return function(...) return require('headgate.commands')[name](...) end
end

--- Sets options; see `:help headgate-options`. Calling it is optional.
function M.setup(options) require('headgate.config').set(options) end

--- Prompts a run; `act(prompt, {run?, method?, first?, last?, done?})`. Without a prompt it asks for one.
M.act = command('act')
--- Runs a command; `sh(command, {run?, done?})`.
M.sh = command('sh')
--- Lets a run be chosen and shows it.
M.runs = command('runs')
--- Shows a run; `attach(run, done?)`.
M.attach = command('attach')
--- Shows the output of a command; `output(run?, path?)`.
M.output = command('output')
--- Ends a command with its tree; `cancel(run?, path?, done?)`.
M.cancel = command('cancel')
--- Ends the loops of a run; `abort(run?)`.
M.abort = command('abort')
--- Lists the commands that run.
M.ps = command('ps')
--- Goes to the oldest waiting proposal.
M.answer = command('answer')
--- Types a line into a command; `input(secret?, line?)`.
M.input = command('input_here')
--- Writes the exact bytes of a command's channel into a file; `save(file, channel?)`.
M.save = command('save')

--- A few words for the statusline.
function M.statusline()
  if not package.loaded['headgate.watch'] then return '' end
  return require('headgate.watch').statusline()
end

--- Ends the connection; runs and commands go on.
function M.disconnect() require('headgate.session').close() end

return M
