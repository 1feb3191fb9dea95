--- Calls `action`, whose failure must not stop what comes after it: an error is told to the person.
return function(action, ...)
  local arguments, count = { ... }, select('#', ...)
  local ok, problem = xpcall(function() action(unpack(arguments, 1, count)) end, debug.traceback)
  if not ok then vim.notify('Headgate: ' .. tostring(problem), vim.log.levels.ERROR) end
end
