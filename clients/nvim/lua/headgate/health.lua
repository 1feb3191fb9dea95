--- `:checkhealth headgate`.
local M = {}

function M.check()
  local report = vim.health and vim.health.start and vim.health or require('health')
  local start = report.start or report.report_start
  local ok, warn, fail = report.ok or report.report_ok, report.warn or report.report_warn, report.error or report.report_error
  local locate, session = require('headgate.locate'), require('headgate.session')

  start('headgate')
  if vim.fn.has('nvim-0.7') == 1 then
    ok('this Neovim is new enough')
  else
    fail('Neovim 0.7 or newer is needed')
  end
  if vim.fn.executable(require('headgate.config').options.serve_command[1]) == 1 then
    ok('the command that starts a server is there')
  else
    warn('the command `headgate` is not in PATH; a server that runs already is found without it')
  end
  local socket, problem = locate.socket()
  if not socket then return fail(problem) end
  local result, failure = session.call_now('ping', {}, 3000)
  if result then
    ok('the server answers at ' .. socket)
    ok('project ' .. locate.project_name(session.root) .. ' in ' .. session.root)
  else
    fail(failure.message)
  end
end

return M
