--- Options of the client and their defaults.
local M = {}

M.defaults = {
  --- Path of the server's unix socket; nil: found as {#cli_server} says.
  socket = nil,
  --- The server's data folder; nil: HEADGATE_DATA, else the default one.
  data = nil,
  --- Root folder of the project; nil: the working directory.
  project = nil,
  --- Model of new runs; nil: HEADGATE_MODEL, else the only one that was added, else a choice.
  model = nil,
  --- Start a server in the background when none runs.
  auto_start = false,
  --- The command that starts it: it ends when the server answers, or is the server.
  serve_command = { 'headgate', 'serve', '--detach' },
  --- Commands that open a window for a timeline and for output.
  timeline_window = 'botright vsplit',
  output_window = 'botright split',
  --- When a proposal's float takes the cursor: 'headgate' (from a timeline or output in normal mode), 'always', 'never'.
  focus = 'headgate',
  --- Lines of output that a buffer keeps.
  max_lines = 10000,
  --- Show colours of output; false: control sequences are left out.
  colors = true,
  --- Reload files that have changed on disk after an edit or a command (`:checktime`).
  reload = true,
  --- Milliseconds between two tries to reach a server that is gone: the first pause and the longest.
  retry_ms = 200,
  retry_max_ms = 3000,
}

M.options = vim.deepcopy(M.defaults)

--- Sets options; an unknown name is an error.
function M.set(options)
  for name in pairs(options or {}) do
    local known = M.defaults[name] ~= nil or name == 'socket' or name == 'data' or name == 'project' or name == 'model'
    if not known then error('headgate: unknown option ' .. tostring(name), 0) end
  end
  M.options = vim.tbl_extend('force', vim.deepcopy(M.defaults), options or {})
end

return M
