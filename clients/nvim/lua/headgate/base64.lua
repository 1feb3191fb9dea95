--- Base64 to bytes; Neovim has a decoder of its own from 0.10 on.
local M = {}

local char, byte, concat = string.char, string.byte, table.concat
local values = {}
for index = 1, 64 do
  values[byte('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/', index)] = index - 1
end

--- Decodes `text`, whose length is a multiple of four.
function M.decode(text)
  if vim.base64 then return vim.base64.decode(text) end
  local out, count = {}, 0
  local floor = math.floor
  for at = 1, #text - 3, 4 do
    local a, b, c, d = byte(text, at, at + 3)
    local high = values[a] * 262144 + values[b] * 4096 + (values[c] or 0) * 64 + (values[d] or 0)
    count = count + 1
    if not values[c] then
      out[count] = char(floor(high / 65536))
    elseif not values[d] then
      out[count] = char(floor(high / 65536), floor(high / 256) % 256)
    else
      out[count] = char(floor(high / 65536), floor(high / 256) % 256, high % 256)
    end
  end
  return concat(out)
end

--- The bytes of a chunk as the server sends them.
function M.chunk(text, encoding)
  if encoding == 'base64' then return M.decode(text) end
  return text
end

return M
