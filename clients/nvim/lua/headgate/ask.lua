--- Asks for a line; `done(line)`, nil when nobody gives one, the empty line when that is given. The `vim.ui.input` of older
--- Neovims cannot tell the two apart.
return function(prompt, done)
  if vim.fn.has('nvim-0.10') == 1 then return vim.ui.input({ prompt = prompt }, done) end
  local ok, line = pcall(vim.fn.input, { prompt = prompt, cancelreturn = vim.NIL })
  if not ok or line == vim.NIL then line = nil end
  done(line)
end
