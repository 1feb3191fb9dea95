--- Events of a run or of the project: each once, in order of `seq`, also over a restart of the server.
local session = require('headgate.session')
local M = {}

--- Subscribes to the events after `since`. `options`: `run?`, `since` (nil: from now on), `event(name, params)`,
--- `synced()` once the past has been told, `failed(failure)`. Returns a function that ends it.
function M.subscribe(options)
  local last = options.since
  local subscription, closed, told
  local run = options.run
  local forget

  local function open()
    subscription = nil
    last = last or session.last_seq
    session.call('subscribe', { run = run, since = last }, function(failure, result)
      if closed then return end
      if not failure then
        subscription = result.subscription
      elseif failure.name == 'since_trimmed' then
        last = failure.data.trimmed_to
        open()
      elseif failure.name ~= 'closed' then
        forget()
        options.failed(failure)
      end
    end)
  end

  forget = session.keep({
    reopen = open,
    message = function(name, params)
      if subscription == nil or params.subscription ~= subscription or name == 'stream/chunk' then return end
      if run and name == 'run/state' and params.renamed_from == run then run = params.run end
      if name == 'replay/synced' then
        if not told and options.synced then options.synced() end
        told = true
      elseif params.seq == nil then
        if told then options.event(name, params) end
      elseif params.seq > last then
        last = params.seq
        options.event(name, params)
      end
    end,
  })

  return function()
    closed = true
    forget()
    if subscription and session.state == 'open' then session.call('unsubscribe', { subscription = subscription }) end
  end
end

return M
