--- The stored bytes of a channel, into a file.
local base64 = require('headgate.base64')
local session = require('headgate.session')
local M = {}

--- Writes the exact bytes of a channel into a file; `done(failure, bytes)`.
function M.channel(run, path, channel, file, done)
  local handle, problem = io.open(file, 'wb')
  if not handle then return done({ message = problem }) end
  local function page(from)
    session.look('stream/read', { run = run, path = path, channel = channel, from = from }, function(failure, result)
      if not failure then
        local ok, reason = handle:write(base64.chunk(result.chunk, result.encoding))
        if not ok then failure = { message = reason } end
      end
      if failure or result.to >= result.bytes or result.to == from then
        handle:close()
        return done(failure, result and result.to)
      end
      page(result.to)
    end)
  end
  page(0)
end

return M
