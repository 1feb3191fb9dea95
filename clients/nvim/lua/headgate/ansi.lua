--- One line of output as a terminal would show it: colours become highlights, `\r` and `\b` write over what is there, other
--- control sequences are left out.
local text = require('headgate.text')
local M = {}

local MAX_COLUMNS = 2000

local BASE = {
  [0] = '#000000', '#cd3131', '#0dbc79', '#c5a332', '#2472c8', '#bc3fbc', '#11a8cd', '#cccccc',
  '#767676', '#f14c4c', '#23d18b', '#d7ba3d', '#3b8eea', '#d670d6', '#29b8db', '#ffffff',
}

local function palette(index)
  if index < 16 then return vim.g['terminal_color_' .. index] or BASE[index] end
  if index >= 232 then
    local grey = 8 + (index - 232) * 10
    return string.format('#%02x%02x%02x', grey, grey, grey)
  end
  local levels = { [0] = 0, 95, 135, 175, 215, 255 }
  index = index - 16
  return string.format('#%02x%02x%02x', levels[math.floor(index / 36)], levels[math.floor(index / 6) % 6], levels[index % 6])
end

local groups = {}

--- The highlight group of a style such as `{fg = 1, bold = true}`; nil for none. A colour is an index or `#rrggbb`.
local function group_of(style)
  if next(style) == nil then return nil end
  local name = 'HeadgateAnsi'
  for _, key in ipairs({ 'fg', 'bg', 'bold', 'italic', 'underline', 'reverse' }) do
    if style[key] then name = name .. '_' .. key .. tostring(style[key]):gsub('[#]', '') end
  end
  if not groups[name] then
    local function gui(color) return type(color) == 'number' and palette(color) or color end
    local function cterm(color) return type(color) == 'number' and color or nil end
    vim.api.nvim_set_hl(0, name, {
      fg = gui(style.fg), bg = gui(style.bg), ctermfg = cterm(style.fg), ctermbg = cterm(style.bg),
      bold = style.bold, italic = style.italic, underline = style.underline, reverse = style.reverse,
    })
    groups[name] = true
  end
  return name
end

--- Colour schemes clear highlight groups: they are made again when they are needed.
function M.reset_groups() groups = {} end

local SIMPLE = { [1] = 'bold', [3] = 'italic', [4] = 'underline', [7] = 'reverse' }
local OFF = { [22] = 'bold', [23] = 'italic', [24] = 'underline', [27] = 'reverse', [39] = 'fg', [49] = 'bg' }

--- Those that a colour follows; the colour of an underline is not shown.
local COLORED = { [38] = 'fg', [48] = 'bg', [58] = false }

--- The numbers of a code and its parts, which `:` divides; what is left out is 0.
local function numbers(code)
  local found = {}
  for part in (code .. ':'):gmatch('(%d*):') do
    found[#found + 1] = tonumber(part) or 0
  end
  return found
end

local function rgb(red, green, blue)
  if not blue then return nil end
  return string.format('#%02x%02x%02x', red % 256, green % 256, blue % 256)
end

local function indexed(index) return index and index < 256 and index or nil end

--- `38:5:N`, `38:2:R:G:B` or `38:2:SPACE:R:G:B`.
local function color_of(parts)
  if parts[2] == 5 then return indexed(parts[3]) end
  if parts[2] == 2 then return rgb(unpack(parts, #parts > 5 and 4 or 3, #parts > 5 and 6 or 5)) end
end

--- The colour of the codes behind `at`, and how many they are.
local function color_behind(codes, at)
  if codes[at + 1] == 5 then return indexed(codes[at + 2]), 2 end
  if codes[at + 1] == 2 then return rgb(unpack(codes, at + 2, at + 4)), 4 end
  return nil, 0
end

--- A style after `ESC [ params m`.
local function styled(style, params)
  -- With a mark of its own it asks something else of the terminal.
  if params:match('^[<=>?]') then return style end
  local next_style = {}
  for key, value in pairs(style) do
    next_style[key] = value
  end
  local codes, divided = {}, {}
  for code in (params .. ';'):gmatch('([^;]*);') do
    local parts = code:find(':', 1, true) and numbers(code) or nil
    codes[#codes + 1] = parts and parts[1] or tonumber(code) or 0
    divided[#codes] = parts
  end
  local index = 1
  while index <= #codes do
    local code, parts = codes[index], divided[index]
    if COLORED[code] ~= nil then
      local color, count
      if parts then
        color, count = color_of(parts), 0
      else
        color, count = color_behind(codes, index)
      end
      if COLORED[code] and color then next_style[COLORED[code]] = color end
      index = index + count
    elseif parts then
      -- The only other code with parts: the shape of the underline, 0 for none.
      if code == 4 then next_style.underline = parts[2] ~= 0 or nil end
    elseif code == 0 then
      next_style = {}
    elseif SIMPLE[code] then
      next_style[SIMPLE[code]] = true
    elseif OFF[code] then
      next_style[OFF[code]] = nil
    elseif code >= 30 and code <= 37 then
      next_style.fg = code - 30
    elseif code >= 40 and code <= 47 then
      next_style.bg = code - 40
    elseif code >= 90 and code <= 97 then
      next_style.fg = code - 82
    elseif code >= 100 and code <= 107 then
      next_style.bg = code - 92
    end
    index = index + 1
  end
  return next_style
end

--- Writes the cells of a line, from the left, with a style.
local Cells = {}
Cells.__index = Cells

function Cells:put(character, style)
  self.column = self.column + 1
  if self.column > MAX_COLUMNS then return end
  for column = #self.text + 1, self.column - 1 do
    self.text[column] = ' '
  end
  self.text[self.column] = character
  self.group[self.column] = group_of(style)
end

function Cells:erase(how)
  if how == 1 or how == 2 then
    for column = 1, math.min(self.column, #self.text) do
      self.text[column], self.group[column] = ' ', nil
    end
  end
  if how == 0 or how == 2 then
    for column = #self.text, self.column + 1, -1 do
      self.text[column], self.group[column] = nil, nil
    end
  end
end

function Cells:control(params, final)
  local count = tonumber(params:match('^%d+'))
  if final == 'K' then
    self:erase(count or 0)
  elseif final == 'G' then
    self.column = math.min((count or 1), MAX_COLUMNS) - 1
  elseif final == 'C' then
    self.column = math.min(self.column + (count or 1), MAX_COLUMNS)
  elseif final == 'D' then
    self.column = math.max(self.column - (count or 1), 0)
  end
end

--- The text and its marks `{from, to, group}` in bytes.
function Cells:finish()
  local marks, at, open = {}, 0, nil
  for column = 1, #self.text do
    local name = self.group[column]
    if not open or open[3] ~= name then
      if open then open[2] = at end
      open = name and { at, at, name } or nil
      if open then marks[#marks + 1] = open end
    end
    at = at + #self.text[column]
  end
  if open then open[2] = at end
  return table.concat(self.text), marks
end

--- Draws one line without its line end. `style` is what the line before left. Returns text, marks (nil where there are
--- none) and the style for the next line. A sequence that is not whole yet is not drawn.
function M.render(raw, style)
  if next(style) == nil then
    if raw:byte(-1) == 13 then raw = raw:sub(1, -2) end
    if not raw:find('[\r\27\b]') then return raw, nil, style end
  end
  local cells = setmetatable({ text = {}, group = {}, column = 0 }, Cells)
  local at = 1
  while at <= #raw do
    local byte = raw:byte(at)
    if byte == 27 then
      local params, final = raw:match('^\27%[([0-?]*)[ -/]*([@-~])', at)
      local whole = raw:match('^\27%[[0-?]*[ -/]*[@-~]', at)
        or raw:match('^\27[%]PX^_][^\7\27]*\7', at)
        or raw:match('^\27[%]PX^_][^\7\27]*\27\\', at)
        or raw:match('^\27[ -/]+[0-~]', at)
        or raw:match('^\27[0-OQ-WYZ\\`-~]', at)
      if not whole then
        if raw:match('^\27[%]PX^_[]?[^\27]*$', at) then break end
        whole = '\27'
      elseif final == 'm' then
        style = styled(style, params)
      elseif final then
        cells:control(params, final)
      end
      at = at + #whole
    elseif byte == 13 then
      cells.column = 0
      at = at + 1
    elseif byte == 8 then
      cells.column = math.max(cells.column - 1, 0)
      at = at + 1
    else
      local size = byte < 128 and 1 or text.character_bytes(raw, at) or 1
      cells:put(raw:sub(at, at + size - 1), style)
      at = at + size
    end
  end
  local drawn, marks = cells:finish()
  return drawn, #marks > 0 and marks or nil, style
end

return M
