if vim.g.loaded_headgate then return end
vim.g.loaded_headgate = true

if vim.fn.has('nvim-0.7') == 0 then
  vim.api.nvim_err_writeln('headgate needs Neovim 0.7 or newer')
  return
end

vim.api.nvim_set_hl(0, 'HeadgateStderr', { default = true, link = 'WarningMsg' })

vim.api.nvim_create_user_command('Headgate', function(options) require('headgate.excommand').run(options) end, {
  nargs = '*',
  range = true,
  desc = 'Headgate: runs, commands and proposals',
  complete = function(start, line) return require('headgate.excommand').complete(start, line) end,
})

vim.api.nvim_create_autocmd('ColorScheme', {
  group = vim.api.nvim_create_augroup('headgate', {}),
  callback = function()
    vim.api.nvim_set_hl(0, 'HeadgateStderr', { default = true, link = 'WarningMsg' })
    if package.loaded['headgate.ansi'] then require('headgate.ansi').reset_groups() end
  end,
})
